/** Process of token-administrator.ts. */
const pkcs11 = require("pkcs11js");

process.once("message", ({ path, serial, pin, task }) => {
  const module = new pkcs11.PKCS11();
  module.load(path);
  module.C_Initialize();

  const slot = module
    .C_GetSlotList(true)
    .find((candidate) => module.C_GetTokenInfo(candidate).serialNumber.trim() === serial);
  const session = module.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION);

  if (!task.countPublicObjects) {
    module.C_Login(session, pkcs11.CKU_USER, pin);
  }

  const find = (template) => {
    module.C_FindObjectsInit(session, template);
    const found = module.C_FindObjects(session, 10_000);
    module.C_FindObjectsFinal(session);

    return found;
  };
  const keys = (label) => [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
    { type: pkcs11.CKA_LABEL, value: label },
  ];
  const data = { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_DATA };
  const makeKey = (label, length, readable) =>
    module.C_GenerateKey(session, { mechanism: pkcs11.CKM_AES_KEY_GEN }, [
      ...keys(label),
      { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_AES },
      { type: pkcs11.CKA_VALUE_LEN, value: length },
      { type: pkcs11.CKA_TOKEN, value: true },
      { type: pkcs11.CKA_PRIVATE, value: true },
      { type: pkcs11.CKA_SENSITIVE, value: !readable },
      { type: pkcs11.CKA_EXTRACTABLE, value: readable },
      { type: pkcs11.CKA_ENCRYPT, value: true },
      { type: pkcs11.CKA_DECRYPT, value: true },
      { type: pkcs11.CKA_ID, value: Buffer.from([1]) },
    ]);
  let count = 0;

  if (task.setKey) {
    for (const key of find(keys(task.setKey))) {
      module.C_SetAttributeValue(session, key, [
        { type: pkcs11.CKA_ENCRYPT, value: task.encrypt },
        { type: pkcs11.CKA_DECRYPT, value: task.decrypt },
      ]);
    }
  } else if (task.deleteKey) {
    for (const key of find(keys(task.deleteKey))) {
      module.C_DestroyObject(session, key);
    }
  } else if (task.makeReadableKey) {
    makeKey(task.makeReadableKey, 32, true);
  } else if (task.makeShortKey) {
    makeKey(task.makeShortKey, 16, false);
  } else if (task.deleteData) {
    for (const object of find([data, { type: pkcs11.CKA_LABEL, value: task.deleteData }])) {
      module.C_DestroyObject(session, object);
    }
  } else if (task.countData) {
    count = find([data]).length;
  } else if (task.countPublicObjects) {
    count = find([]).length;
  } else if (task.setPin) {
    module.C_SetPIN(session, pin, task.setPin);
  }

  module.C_Finalize();
  process.send({ count }, () => process.exit(0));
});
