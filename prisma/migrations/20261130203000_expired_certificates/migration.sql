-- CreateEnum
CREATE TYPE "ExpiredCertificates" AS ENUM ('warn', 'grace');

-- Instances of before keep what they do: an expired certificate goes on. Those made from now on have a grace period.
ALTER TABLE "instance" ADD COLUMN     "expired_certificates" "ExpiredCertificates" NOT NULL DEFAULT 'warn',
ADD COLUMN     "expired_grace_days" INTEGER NOT NULL DEFAULT 365;

ALTER TABLE "instance" ALTER COLUMN "expired_certificates" SET DEFAULT 'grace';

-- AlterTable
ALTER TABLE "client_certificate" ADD COLUMN     "expiry_told_at" TIMESTAMPTZ(3);

-- CreateIndex
CREATE INDEX "client_certificate_not_after_idx" ON "client_certificate"("not_after");
