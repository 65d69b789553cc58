-- Its condition compares with the type that goes.
DROP INDEX "instance_hpcs_key_manager_guid_key";

-- A kind is text that the registry of providers checks; every instance keeps its own.
ALTER TABLE "instance" ALTER COLUMN "key_manager_kind" TYPE TEXT USING "key_manager_kind"::text;

DROP TYPE "KeyManagerKind";

-- AlterTable
ALTER TABLE "instance" ADD COLUMN     "dedicated" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "key_manager_claim" TEXT;

-- What was told by the kind until now.
UPDATE "instance" SET "dedicated" = true, "key_manager_claim" = 'hpcs/' || "key_manager_guid"
WHERE "key_manager_kind" = 'hpcs';

-- CreateIndex
CREATE UNIQUE INDEX "instance_key_manager_claim_key" ON "instance"("key_manager_claim");
