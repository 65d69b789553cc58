-- CreateEnum
CREATE TYPE "MovePhase" AS ENUM ('moving', 'switched', 'deleting', 'revoked', 'cancelled');

-- AlterTable
ALTER TABLE "instance" ADD COLUMN     "rewrap_due_at" TIMESTAMPTZ(3),
ADD COLUMN     "rewrap_error" TEXT,
ADD COLUMN     "rewrap_error_at" TIMESTAMPTZ(3),
ADD COLUMN     "rewrap_seen" TEXT;

-- CreateTable
CREATE TABLE "kek_move" (
    "id" UUID NOT NULL,
    "instance_id" UUID NOT NULL,
    "unique_identifier" TEXT NOT NULL,
    "phase" "MovePhase" NOT NULL,
    "old_key_id" TEXT NOT NULL,
    "new_key_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "changed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "kek_move_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "kek_move_instance_id_unique_identifier_idx" ON "kek_move"("instance_id", "unique_identifier");

-- CreateIndex
CREATE UNIQUE INDEX "kek_move_instance_id_unique_identifier_key" ON "kek_move"("instance_id", "unique_identifier") WHERE (phase = 'moving');

-- AddForeignKey
ALTER TABLE "kek_move" ADD CONSTRAINT "kek_move_instance_id_fkey" FOREIGN KEY ("instance_id") REFERENCES "instance"("id") ON DELETE CASCADE ON UPDATE CASCADE;
