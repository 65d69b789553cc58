-- AlterTable
ALTER TABLE "instance" ADD COLUMN     "key_manager_endpoint_given" BOOLEAN NOT NULL DEFAULT false;
