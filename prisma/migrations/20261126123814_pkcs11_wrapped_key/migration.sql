-- CreateTable
CREATE TABLE "pkcs11_wrapped_key" (
    "id" UUID NOT NULL,
    "token" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "payload" BYTEA NOT NULL,
    "hmac" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "pkcs11_wrapped_key_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "pkcs11_wrapped_key_token_name_idx" ON "pkcs11_wrapped_key"("token", "name");
