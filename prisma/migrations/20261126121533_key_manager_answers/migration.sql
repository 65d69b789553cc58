-- AlterTable
ALTER TABLE "managed_object" ADD COLUMN     "settle_after" TIMESTAMPTZ(3),
ADD COLUMN     "settle_problem" TEXT;

-- AlterTable
ALTER TABLE "instance" ADD COLUMN     "key_manager_endpoint_given" BOOLEAN NOT NULL DEFAULT false;
