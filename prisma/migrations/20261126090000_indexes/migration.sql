-- Indexes that nothing reads are gone, and the others hold only what their readers look for: each of them is written
-- at every Create, or at every event of the audit. Terms know when their object was created, so that a search by terms
-- reads its matches newest first and stops when it has enough.

-- DropIndex
DROP INDEX "managed_object_instance_id_created_at_unique_identifier_idx";

-- DropIndex
DROP INDEX "managed_object_instance_id_state_created_at_unique_identifi_idx";

-- DropIndex
DROP INDEX "managed_object_instance_id_last_served_at_unique_identifier_idx";

-- DropIndex
DROP INDEX "managed_object_instance_id_name_unique_identifier_idx";

-- DropIndex
DROP INDEX "managed_object_instance_id_crk_version_idx";

-- DropIndex
DROP INDEX "managed_object_instance_id_key_manager_key_id_idx";

-- DropIndex
DROP INDEX "managed_object_instance_id_created_by_certificate_id_create_idx";

-- DropIndex
DROP INDEX "managed_object_storage_changed_at_idx";

-- DropIndex
DROP INDEX "audit_event_account_id_action_id_idx";

-- DropIndex
DROP INDEX "audit_event_account_id_initiator_id_id_idx";

-- AlterTable
ALTER TABLE "managed_object_term" ADD COLUMN "created_at" TIMESTAMPTZ(3);

UPDATE "managed_object_term" t SET "created_at" = o."created_at"
FROM "managed_object" o
WHERE o."instance_id" = t."instance_id" AND o."unique_identifier" = t."unique_identifier";

ALTER TABLE "managed_object_term" ALTER COLUMN "created_at" SET NOT NULL,
DROP CONSTRAINT "managed_object_term_pkey",
ADD CONSTRAINT "managed_object_term_pkey" PRIMARY KEY ("instance_id", "name", "value", "created_at", "unique_identifier");

-- CreateIndex
CREATE INDEX "managed_object_instance_id_created_at_unique_identifier_idx" ON "managed_object"("instance_id", "created_at", "unique_identifier") WHERE (storage IN ('stored', 'destroying', 'destroyed'));

-- CreateIndex
CREATE INDEX "managed_object_instance_id_state_created_at_unique_identifi_idx" ON "managed_object"("instance_id", "state", "created_at", "unique_identifier") WHERE (storage IN ('stored', 'destroying', 'destroyed'));

-- CreateIndex
CREATE INDEX "managed_object_instance_id_last_served_at_unique_identifier_idx" ON "managed_object"("instance_id", "last_served_at", "unique_identifier") WHERE (storage IN ('stored', 'destroying', 'destroyed'));

-- CreateIndex
CREATE INDEX "managed_object_instance_id_name_unique_identifier_idx" ON "managed_object"("instance_id", "name", "unique_identifier") WHERE (storage IN ('stored', 'destroying', 'destroyed'));

-- CreateIndex
CREATE INDEX "managed_object_instance_id_crk_version_idx" ON "managed_object"("instance_id", "crk_version") WHERE (storage IN ('stored', 'destroying', 'destroyed'));

-- CreateIndex
CREATE INDEX "managed_object_instance_id_created_by_certificate_id_create_idx" ON "managed_object"("instance_id", "created_by_certificate_id", "created_at", "unique_identifier") WHERE (storage IN ('stored', 'destroying', 'destroyed'));

-- CreateIndex
CREATE INDEX "managed_object_storage_changed_at_idx" ON "managed_object"("storage", "changed_at") WHERE (storage IN ('storing', 'abandoned', 'destroying'));

-- CreateIndex
CREATE INDEX "audit_event_account_id_rare_action_id_idx" ON "audit_event"("account_id", "action", "id") WHERE (action <> 'vmware-solutions.kmip-key.read' AND action <> 'vmware-solutions.kmip-key-attributes.retrieve');
