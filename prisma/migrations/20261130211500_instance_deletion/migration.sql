-- DropIndex
DROP INDEX "instance_account_id_name_key";

-- DropIndex
DROP INDEX "client_certificate_sha256_key";

-- AlterTable
ALTER TABLE "instance" ADD COLUMN     "deleted_at" TIMESTAMPTZ(3),
ADD COLUMN     "deleted_by" TEXT,
ADD COLUMN     "purge_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "client_certificate" ADD COLUMN     "released_at" TIMESTAMPTZ(3);

-- CreateIndex
CREATE INDEX "instance_purge_at_idx" ON "instance"("purge_at") WHERE (purge_at IS NOT NULL);

-- CreateIndex
CREATE UNIQUE INDEX "instance_account_id_name_key" ON "instance"("account_id", "name") WHERE (deleted_at IS NULL);

-- CreateIndex
CREATE UNIQUE INDEX "client_certificate_sha256_key" ON "client_certificate"("sha256") WHERE (released_at IS NULL);
