"""Takes a key through its life with PyKMIP's client and prints what happened as one line of JSON.

Usage: pykmip_client.py HOST PORT CERT KEY CA KMIP_VERSION TLS
       KMIP_VERSION is like 1.1, TLS is "1.2" or "any".
"""

import datetime
import json
import sys

from kmip import enums
from kmip.core import attributes as attribute_values
from kmip.core import objects
from kmip.core.factories.attributes import AttributeFactory
from kmip.pie import exceptions
from kmip.pie.client import ProxyKmipClient

MASK = [enums.CryptographicUsageMask.ENCRYPT, enums.CryptographicUsageMask.DECRYPT]


def refusal(call):
    """The Result Reason with which the server refuses a call."""
    try:
        call()
    except exceptions.KmipOperationFailure as failure:
        return failure.reason.name
    return None


def rename(client, identifier, old, new, version):
    """Changes a key's name and deletes it: by index in 1.x, by value in 2.x."""
    if version.startswith("1."):
        name = AttributeFactory().create_attribute(enums.AttributeType.NAME, new, 0)
        client.modify_attribute(identifier, attribute=name)
        names = names_of(client, identifier)
        client.delete_attribute(identifier, attribute_name="Name", attribute_index=0)
        return names
    kind = enums.NameType.UNINTERPRETED_TEXT_STRING
    before = attribute_values.Name.create(old, kind)
    after = attribute_values.Name.create(new, kind)
    client.modify_attribute(
        identifier,
        current_attribute=objects.CurrentAttribute(attribute=before),
        new_attribute=objects.NewAttribute(attribute=after),
    )
    names = names_of(client, identifier)
    client.set_attribute(identifier, attribute_name="Sensitive", attribute_value=True)
    client.set_attribute(identifier, attribute_name="Sensitive", attribute_value=False)
    client.delete_attribute(
        identifier, current_attribute=objects.CurrentAttribute(attribute=after)
    )
    return names


def names_of(client, identifier):
    _, found = client.get_attributes(identifier, ["Name"])
    return [name.attribute_value.name_value.value for name in found]


def turn_round(client, identifier):
    """True if what the server encrypts comes back when it decrypts."""
    plain = bytes(range(16))
    parameters = {"block_cipher_mode": enums.BlockCipherMode.ECB}
    data, _ = client.encrypt(plain, identifier, parameters)
    return data != plain and client.decrypt(data, identifier, parameters) == plain


def life(client, version):
    factory = AttributeFactory()
    name = "pykmip-{}-{}".format(version, datetime.datetime.now().timestamp())
    identifier = client.create(
        enums.CryptographicAlgorithm.AES, 256, name=name, cryptographic_usage_mask=MASK
    )
    result = {"identifier": identifier, "name": name}
    result["destroyActive"] = None
    client.activate(identifier)
    result["activateTwice"] = refusal(lambda: client.activate(identifier))
    result["destroyActive"] = refusal(lambda: client.destroy(identifier))
    key = client.get(identifier)
    result["get"] = {
        "algorithm": key.cryptographic_algorithm.name,
        "length": key.cryptographic_length,
        "bytes": len(key.value),
        "again": client.get(identifier).value == key.value,
    }
    uid, attributes = client.get_attributes(identifier, ["State", "Cryptographic Length", "Name"])
    result["attributes"] = {
        a.attribute_name.value: str(a.attribute_value) for a in attributes
    }
    result["list"] = client.get_attribute_list(identifier)
    result["located"] = client.locate(
        attributes=[
            factory.create_attribute(enums.AttributeType.NAME, name),
            factory.create_attribute(
                enums.AttributeType.OBJECT_TYPE, enums.ObjectType.SYMMETRIC_KEY
            ),
        ]
    )
    result["renamed"] = rename(client, identifier, name, name + "-new", version)
    result["unnamed"] = names_of(client, identifier)
    result["encrypted"] = turn_round(client, identifier) if version >= "1.2" else None
    client.revoke(enums.RevocationReasonCode.CESSATION_OF_OPERATION, identifier)
    _, attributes = client.get_attributes(identifier, ["State"])
    result["revoked"] = str(attributes[0].attribute_value)
    client.destroy(identifier)
    result["getDestroyed"] = refusal(lambda: client.get(identifier))
    result["getUnknown"] = refusal(lambda: client.get("no-such-object"))
    return result


def main():
    host, port, cert, key, ca, version, tls = sys.argv[1:]
    client = ProxyKmipClient(
        hostname=host,
        port=int(port),
        cert=cert,
        key=key,
        ca=ca,
        ssl_version="PROTOCOL_TLSv1_2" if tls == "1.2" else "PROTOCOL_SSLv23",
        username="ignored",
        password="ignored",
        config="console-test",
        kmip_version=getattr(enums.KMIPVersion, "KMIP_" + version.replace(".", "_")),
    )
    try:
        client.open()
        outcome = life(client, version)
    except Exception as error:  # pylint: disable=broad-except
        outcome = {"error": type(error).__name__, "message": str(error)}
    finally:
        client.close()
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
