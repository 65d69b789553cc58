"""What PyKMIP's own integration tests ask of a server, as far as it needs no key pair, certificate, split key or
Derive Key: each check by itself, with one line of JSON at the end that says what became of it.

Usage: pykmip_suite.py HOST PORT CERT KEY CA KMIP_VERSION TLS
"""

import inspect
import json
import sys
import time
import traceback

from kmip import enums
from kmip.core.factories.attributes import AttributeFactory
from kmip.pie import exceptions, objects
from kmip.pie.client import ProxyKmipClient

AES = enums.CryptographicAlgorithm.AES
IDEA = enums.CryptographicAlgorithm.IDEA
MASK = enums.CryptographicUsageMask
COMPROMISE = enums.RevocationReasonCode.KEY_COMPROMISE
KEY = bytes(range(16))
FACTORY = AttributeFactory()


def attribute(kind, value, index=None):
    return FACTORY.create_attribute(kind, value, index)


def refused(call, reason=None):
    """True if the server refuses a call, for a reason if one is given."""
    try:
        call()
    except exceptions.KmipOperationFailure as failure:
        assert reason is None or failure.reason is reason, failure.reason
        return True
    raise AssertionError("not refused")


def gone(client, identifier, revoke=True):
    """Takes an object out of the world, and makes sure of it."""
    if revoke:
        client.revoke(COMPROMISE, identifier)
    client.destroy(identifier)
    refused(lambda: client.get(identifier), enums.ResultReason.ITEM_NOT_FOUND)
    refused(lambda: client.destroy(identifier))


def kept(client, given, revoke=True):
    """Registers an object, and gets the same back."""
    identifier = client.register(given)
    assert client.get(identifier) == given
    gone(client, identifier, revoke)


def key_created(client):
    identifier = client.create(AES, 256)
    key = client.get(identifier)
    assert isinstance(key, objects.SymmetricKey)
    assert (key.cryptographic_algorithm, key.cryptographic_length) == (AES, 256)
    gone(client, identifier)


def key_wrapped(client):
    identifier = client.create(AES, 256)
    masks = [MASK.WRAP_KEY, MASK.UNWRAP_KEY, MASK.ENCRYPT, MASK.DECRYPT]
    wrapping = client.create(AES, 256, cryptographic_usage_mask=masks)
    client.activate(wrapping)
    plain = client.get(identifier)
    parameters = {"block_cipher_mode": enums.BlockCipherMode.NIST_KEY_WRAP}
    for information in (
        {"unique_identifier": wrapping, "cryptographic_parameters": parameters},
        {"unique_identifier": wrapping},
    ):
        wrapped = client.get(
            identifier,
            key_wrapping_specification={
                "wrapping_method": enums.WrappingMethod.ENCRYPT,
                "encryption_key_information": information,
                "encoding_option": enums.EncodingOption.NO_ENCODING,
            },
        )
        assert wrapped.value != plain.value and len(wrapped.value) == len(plain.value) + 8
    gone(client, identifier)
    gone(client, wrapping)


def key_registered(client):
    kept(client, objects.SymmetricKey(AES, 128, KEY, name="suite key"))


def key_registered_wrapped(client):
    data = {
        "wrapping_method": enums.WrappingMethod.ENCRYPT,
        "encryption_key_information": {
            "unique_identifier": "42",
            "cryptographic_parameters": {"block_cipher_mode": enums.BlockCipherMode.NIST_KEY_WRAP},
        },
        "encoding_option": enums.EncodingOption.NO_ENCODING,
    }
    identifier = client.register(objects.SymmetricKey(AES, 128, KEY, key_wrapping_data=data))
    got = client.get(identifier)
    information = got.key_wrapping_data["encryption_key_information"]
    assert got.value == KEY
    assert got.key_wrapping_data["wrapping_method"] is enums.WrappingMethod.ENCRYPT
    assert got.key_wrapping_data["encoding_option"] is enums.EncodingOption.NO_ENCODING
    assert information["unique_identifier"] == "42"
    mode = information["cryptographic_parameters"]["block_cipher_mode"]
    assert mode is enums.BlockCipherMode.NIST_KEY_WRAP
    gone(client, identifier)


def application_information(client, made):
    identifier = client.register(made)
    name = "Application Specific Information"
    assert name in client.get_attribute_list(identifier)
    _, found = client.get_attributes(uid=identifier, attribute_names=[name])
    values = [
        (one.attribute_value.application_namespace, one.attribute_value.application_data)
        for one in found
    ]
    assert values == [("Testing", "Testing2"), ("Testing3", "Testing4")], values
    gone(client, identifier)


INFORMATION = [
    {"application_namespace": "Testing", "application_data": "Testing2"},
    {"application_namespace": "Testing3", "application_data": "Testing4"},
]


def key_with_application_information(client):
    made = objects.SymmetricKey(AES, 128, KEY, app_specific_info=INFORMATION)
    application_information(client, made)


def secret_registered(client):
    kept(client, objects.SecretData(b"SecretPassword", enums.SecretDataType.PASSWORD))


def secret_with_application_information(client):
    made = objects.SecretData(
        b"SecretPassword", enums.SecretDataType.PASSWORD, app_specific_info=INFORMATION
    )
    application_information(client, made)


def opaque_registered(client):
    made = objects.OpaqueObject(b"SecretPassword", enums.OpaqueDataType.NONE)
    kept(client, made, revoke=False)


def long_key_registered(client):
    kept(client, objects.SymmetricKey(AES, 512, bytes(range(64)), masks=[MASK.DERIVE_KEY]))


def blowfish_registered(client):
    algorithm = enums.CryptographicAlgorithm.BLOWFISH
    kept(client, objects.SymmetricKey(algorithm, 128, KEY, masks=[MASK.DERIVE_KEY]))


def encrypted(client):
    identifier = client.create(AES, 256, cryptographic_usage_mask=[MASK.ENCRYPT, MASK.DECRYPT])
    client.activate(identifier)
    parameters = {
        "cryptographic_algorithm": AES,
        "block_cipher_mode": enums.BlockCipherMode.CBC,
        "padding_method": enums.PaddingMethod.PKCS5,
    }
    plain = b"This is a secret message."
    data, iv = client.encrypt(plain, identifier, parameters, iv_counter_nonce=KEY)
    assert iv is None and data != plain
    assert client.decrypt(data, identifier, parameters, iv_counter_nonce=KEY) == plain
    gone(client, identifier)


def authenticated(client):
    algorithm = enums.CryptographicAlgorithm.HMAC_SHA256
    masks = [MASK.MAC_GENERATE, MASK.MAC_VERIFY]
    identifier = client.register(objects.SymmetricKey(algorithm, 128, KEY, masks=masks))
    client.activate(identifier)
    named, mac = client.mac(b"data", uid=identifier, algorithm=algorithm)
    assert named == identifier and len(mac) == 32
    gone(client, identifier)


def located(client):
    """The ways of finding two keys among what there is: nothing else, before."""
    assert client.locate() == []
    start = int(time.time())
    time.sleep(1.1)
    a = client.create(AES, 256)
    time.sleep(1.1)
    middle = int(time.time())
    time.sleep(1.1)
    b = client.create(IDEA, 128)
    time.sleep(1.1)
    end = int(time.time())
    kinds = enums.AttributeType

    def found(*wanted, **bounds):
        return set(client.locate(attributes=[attribute(k, v) for k, v in wanted], **bounds))

    dates = {}
    for one in (a, b):
        _, answered = client.get_attributes(uid=one, attribute_names=["Initial Date"])
        dates[one] = answered[0].attribute_value.value
    initial = kinds.INITIAL_DATE
    assert found((initial, dates[a])) == {a} and found((initial, dates[b])) == {b}
    assert found((initial, start), (initial, middle)) == {a}
    assert found((initial, middle), (initial, end)) == {b}
    assert found((initial, start), (initial, end)) == {a, b}
    for kind, value, expected in (
        (kinds.STATE, enums.State.PRE_ACTIVE, {a, b}),
        (kinds.OBJECT_TYPE, enums.ObjectType.SYMMETRIC_KEY, {a, b}),
        (kinds.CRYPTOGRAPHIC_ALGORITHM, AES, {a}),
        (kinds.CRYPTOGRAPHIC_ALGORITHM, IDEA, {b}),
        (kinds.CRYPTOGRAPHIC_ALGORITHM, enums.CryptographicAlgorithm.RSA, set()),
        (kinds.CRYPTOGRAPHIC_LENGTH, 128, {b}),
        (kinds.CRYPTOGRAPHIC_LENGTH, 256, {a}),
        (kinds.CRYPTOGRAPHIC_LENGTH, 2048, set()),
        (kinds.UNIQUE_IDENTIFIER, a, {a}),
        (kinds.UNIQUE_IDENTIFIER, "unknown", set()),
        (kinds.OPERATION_POLICY_NAME, "default", {a, b}),
        (kinds.OPERATION_POLICY_NAME, "unknown", set()),
        (kinds.CRYPTOGRAPHIC_USAGE_MASK, [MASK.ENCRYPT], {a, b}),
        (kinds.CRYPTOGRAPHIC_USAGE_MASK, [MASK.ENCRYPT, MASK.DECRYPT], {a, b}),
        (kinds.CRYPTOGRAPHIC_USAGE_MASK, [MASK.ENCRYPT, MASK.SIGN], set()),
        (kinds.CRYPTOGRAPHIC_USAGE_MASK, [MASK.EXPORT], set()),
    ):
        assert found((kind, value)) == expected, (kind, value)
    assert found(offset_items=1) == {a}
    assert found(maximum_items=1) == {b}
    assert found(offset_items=1, maximum_items=1) == {a}
    assert found(offset_items=2) == set()
    gone(client, a)
    gone(client, b)


def modified(client):
    identifier = client.create(IDEA, 128, name="suite name")
    named, changed = client.modify_attribute(
        unique_identifier=identifier,
        attribute=attribute(enums.AttributeType.NAME, "other name", 0),
    )
    assert named == identifier and changed.attribute_index.value == 0
    assert changed.attribute_value.name_value.value == "other name"
    _, names = client.get_attributes(uid=identifier, attribute_names=["Name"])
    assert [one.attribute_value.name_value.value for one in names] == ["other name"]
    _, deleted = client.delete_attribute(
        unique_identifier=identifier, attribute_name="Name", attribute_index=0
    )
    assert deleted.attribute_index.value == 0
    gone(client, identifier)


def policy_named(client):
    identifier = client.create(AES, 256, operation_policy_name="public")
    _, found = client.get_attributes(uid=identifier, attribute_names=["Operation Policy Name"])
    assert [one.attribute_value.value for one in found] == ["public"]
    gone(client, identifier)


def asked(client):
    """What the lower client of PyKMIP asks for first."""
    proxy = client.proxy
    assert proxy.discover_versions().result_status.value is enums.ResultStatus.SUCCESS
    functions = [
        enums.QueryFunction.QUERY_OPERATIONS,
        enums.QueryFunction.QUERY_OBJECTS,
        enums.QueryFunction.QUERY_SERVER_INFORMATION,
        enums.QueryFunction.QUERY_APPLICATION_NAMESPACES,
        enums.QueryFunction.QUERY_EXTENSION_LIST,
        enums.QueryFunction.QUERY_EXTENSION_MAP,
    ]
    answer = proxy.query(query_functions=functions)
    assert answer.result_status.value is enums.ResultStatus.SUCCESS, answer.result_message


CHECKS = [
    asked,
    located,
    key_created,
    key_wrapped,
    key_registered,
    key_registered_wrapped,
    key_with_application_information,
    secret_registered,
    secret_with_application_information,
    opaque_registered,
    long_key_registered,
    blowfish_registered,
    encrypted,
    authenticated,
    modified,
    policy_named,
]
# Younger versions of PyKMIP give its objects Application Specific Information.
if "app_specific_info" not in inspect.signature(objects.SecretData.__init__).parameters:
    CHECKS.remove(key_with_application_information)
    CHECKS.remove(secret_with_application_information)
# Operations that KMIP 1.2 brought.
CRYPTOGRAPHIC = {encrypted, authenticated}


def main():
    host, port, cert, key, ca, version, _ = sys.argv[1:]
    outcome = {}
    client = ProxyKmipClient(
        hostname=host,
        port=int(port),
        cert=cert,
        key=key,
        ca=ca,
        ssl_version="PROTOCOL_TLSv1_2",
        config="console-test",
        kmip_version=getattr(enums.KMIPVersion, "KMIP_" + version.replace(".", "_")),
    )
    client.open()
    for check in CHECKS:
        if version < "1.2" and check in CRYPTOGRAPHIC:
            continue
        try:
            check(client)
            outcome[check.__name__] = None
        except Exception:  # pylint: disable=broad-except
            outcome[check.__name__] = traceback.format_exc(limit=-3)
    client.close()
    print(json.dumps(outcome))


if __name__ == "__main__":
    main()
