-- AlterTable
ALTER TABLE "endpoint_node" ADD COLUMN     "counters" JSONB NOT NULL DEFAULT '{}';
