-- AlterTable
ALTER TABLE "user" ADD COLUMN     "password_given" BOOLEAN NOT NULL DEFAULT false;

-- AlterTable
ALTER TABLE "membership" ADD COLUMN     "sign_in_method" TEXT;

-- AlterTable
ALTER TABLE "api_token" ADD COLUMN     "maker_id" UUID;

-- AlterTable
ALTER TABLE "idempotency_key" ADD COLUMN     "carried_out" BOOLEAN NOT NULL DEFAULT false;

-- CreateTable
CREATE TABLE "user_session" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "account_id" UUID,
    "method" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "address" TEXT,
    "agent" TEXT,

    CONSTRAINT "user_session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "invitation" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT,
    "role" "Role" NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "by_sign_in" BOOLEAN NOT NULL DEFAULT false,
    "password_hash" TEXT,
    "created_by" TEXT NOT NULL,
    "maker_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "invitation_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "user_session_user_id_id_idx" ON "user_session"("user_id", "id");

-- CreateIndex
CREATE INDEX "user_session_account_id_idx" ON "user_session"("account_id");

-- CreateIndex
CREATE INDEX "user_session_expires_at_idx" ON "user_session"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "invitation_token_hash_key" ON "invitation"("token_hash");

-- CreateIndex
CREATE INDEX "invitation_email_idx" ON "invitation"("email");

-- CreateIndex
CREATE INDEX "invitation_expires_at_idx" ON "invitation"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "invitation_account_id_email_key" ON "invitation"("account_id", "email");

-- AddForeignKey
ALTER TABLE "user_session" ADD CONSTRAINT "user_session_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "user_session" ADD CONSTRAINT "user_session_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "invitation" ADD CONSTRAINT "invitation_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- A token can do no more than the person who made it may do now. Of tokens of before, the maker's address is known.
UPDATE "api_token" t SET "maker_id" = u."id" FROM "user" u WHERE u."email" = t."created_by";

-- Until now nobody could change their own password: every one was given by an administrator, who knows it. The first
-- administrator's came with the deployment.
UPDATE "user" SET "password_given" = true
WHERE "password_hash" IS NOT NULL AND "id" IS DISTINCT FROM (
    SELECT "user_id" FROM "membership" WHERE "role" = 'administrator' ORDER BY "created_at", "user_id" LIMIT 1
);
