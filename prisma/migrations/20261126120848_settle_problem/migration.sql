-- AlterTable
ALTER TABLE "managed_object" ADD COLUMN     "settle_after" TIMESTAMPTZ(3),
ADD COLUMN     "settle_problem" TEXT;
