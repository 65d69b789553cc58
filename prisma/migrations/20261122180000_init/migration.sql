-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateEnum
CREATE TYPE "Role" AS ENUM ('viewer', 'auditor', 'operator', 'administrator');

-- CreateEnum
CREATE TYPE "InstanceStatus" AS ENUM ('installing', 'inactive', 'configuring', 'installed', 'attention', 'removing');

-- CreateEnum
CREATE TYPE "KeyManagerKind" AS ENUM ('key-protect', 'hpcs', 'pkcs11');

-- CreateEnum
CREATE TYPE "StorageStatus" AS ENUM ('storing', 'stored', 'destroying', 'destroyed', 'abandoned');

-- CreateTable
CREATE TABLE "account" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "account_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "user" (
    "id" UUID NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "password_hash" TEXT,
    "session_version" INTEGER NOT NULL DEFAULT 1,
    "disabled_at" TIMESTAMPTZ(3),
    "last_sign_in_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "user_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "membership" (
    "account_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "role" "Role" NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "membership_pkey" PRIMARY KEY ("account_id","user_id")
);

-- CreateTable
CREATE TABLE "api_token" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "role" "Role" NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "prefix" TEXT NOT NULL,
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_token_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "idempotency_key" (
    "account_id" UUID NOT NULL,
    "principal" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "request_hash" BYTEA NOT NULL,
    "status" INTEGER,
    "response" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotency_key_pkey" PRIMARY KEY ("account_id","principal","key")
);

-- CreateTable
CREATE TABLE "instance" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "region" TEXT NOT NULL,
    "resource_group" TEXT,
    "status" "InstanceStatus" NOT NULL,
    "status_reason" TEXT,
    "key_manager_kind" "KeyManagerKind",
    "key_manager_crn" TEXT,
    "key_manager_guid" TEXT,
    "key_manager_name" TEXT,
    "key_manager_endpoint" TEXT,
    "key_ring" TEXT,
    "crk_id" TEXT,
    "crk_name" TEXT,
    "crk_state" INTEGER,
    "crk_version" TEXT,
    "crk_seen_at" TIMESTAMPTZ(3),
    "service_id" TEXT,
    "service_id_name" TEXT,
    "api_key_sealed" BYTEA,
    "cache_ttl_seconds" INTEGER NOT NULL DEFAULT 60,
    "outage_grace_seconds" INTEGER NOT NULL DEFAULT 0,
    "activate_on_create" BOOLEAN NOT NULL DEFAULT false,
    "serve_compromised" BOOLEAN NOT NULL DEFAULT true,
    "kek_count" INTEGER NOT NULL DEFAULT 0,
    "active_kek_count" INTEGER NOT NULL DEFAULT 0,
    "client_certificate_count" INTEGER NOT NULL DEFAULT 0,
    "last_check_ok" BOOLEAN,
    "last_check_at" TIMESTAMPTZ(3),
    "next_check_at" TIMESTAMPTZ(3),
    "last_kmip_at" TIMESTAMPTZ(3),
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "instance_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "client_certificate" (
    "id" UUID NOT NULL,
    "instance_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "sha256" TEXT NOT NULL,
    "pem" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "issuer" TEXT NOT NULL,
    "serial_number" TEXT NOT NULL,
    "not_before" TIMESTAMPTZ(3) NOT NULL,
    "not_after" TIMESTAMPTZ(3) NOT NULL,
    "key_algorithm" TEXT NOT NULL,
    "key_size" INTEGER,
    "origin" TEXT NOT NULL DEFAULT 'uploaded',
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3),
    "last_seen_address" TEXT,

    CONSTRAINT "client_certificate_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "permission_check" (
    "id" UUID NOT NULL,
    "instance_id" UUID NOT NULL,
    "ok" BOOLEAN NOT NULL,
    "trigger" TEXT NOT NULL,
    "report" JSONB NOT NULL,
    "checked_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "permission_check_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "managed_object" (
    "instance_id" UUID NOT NULL,
    "unique_identifier" TEXT NOT NULL,
    "object_type" INTEGER NOT NULL,
    "state" INTEGER NOT NULL,
    "storage" "StorageStatus" NOT NULL,
    "attributes" JSONB NOT NULL,
    "revision" INTEGER NOT NULL DEFAULT 1,
    "cryptographic_algorithm" INTEGER,
    "cryptographic_length" INTEGER,
    "cryptographic_usage_mask" INTEGER,
    "name" TEXT,
    "served" BOOLEAN NOT NULL DEFAULT true,
    "blocked_at" TIMESTAMPTZ(3),
    "blocked_by" TEXT,
    "block_reason" TEXT,
    "block_message" TEXT,
    "key_manager_key_id" TEXT,
    "crk_id" TEXT NOT NULL,
    "crk_version" TEXT,
    "created_by_certificate_id" UUID,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "changed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "destroyed_at" TIMESTAMPTZ(3),
    "last_served_at" TIMESTAMPTZ(3),
    "last_served_to" UUID,
    "last_served_address" TEXT,
    "served_count" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "managed_object_pkey" PRIMARY KEY ("instance_id","unique_identifier")
);

-- CreateTable
CREATE TABLE "managed_object_term" (
    "instance_id" UUID NOT NULL,
    "unique_identifier" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "value" TEXT NOT NULL,

    CONSTRAINT "managed_object_term_pkey" PRIMARY KEY ("instance_id","name","value","unique_identifier")
);

-- CreateTable
CREATE TABLE "audit_event" (
    "id" UUID NOT NULL,
    "account_id" UUID,
    "instance_id" UUID,
    "event_time" TIMESTAMPTZ(3) NOT NULL,
    "action" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "severity" TEXT NOT NULL,
    "initiator_id" TEXT NOT NULL,
    "initiator_name" TEXT NOT NULL,
    "target_id" TEXT NOT NULL,
    "target_name" TEXT,
    "event" TEXT NOT NULL,
    "node" TEXT NOT NULL,
    "sequence" BIGINT NOT NULL,
    "previous_hash" BYTEA NOT NULL,
    "hash" BYTEA NOT NULL,

    CONSTRAINT "audit_event_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit_chain" (
    "node" TEXT NOT NULL,
    "sequence" BIGINT NOT NULL,
    "hash" BYTEA NOT NULL,
    "fence" BIGINT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "audit_chain_pkey" PRIMARY KEY ("node")
);

-- CreateTable
CREATE TABLE "endpoint_node" (
    "id" UUID NOT NULL,
    "zone" INTEGER NOT NULL,
    "host" TEXT NOT NULL,
    "port" INTEGER NOT NULL,
    "version" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "heartbeat_at" TIMESTAMPTZ(3) NOT NULL,
    "connections" INTEGER NOT NULL DEFAULT 0,
    "requests" BIGINT NOT NULL DEFAULT 0,
    "failed_handshakes" JSONB NOT NULL DEFAULT '[]',

    CONSTRAINT "endpoint_node_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "tls_identity" (
    "id" TEXT NOT NULL,
    "certificate_pem" TEXT NOT NULL,
    "private_key_sealed" BYTEA NOT NULL,
    "not_after" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "tls_identity_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "user_email_key" ON "user"("email");

-- CreateIndex
CREATE INDEX "membership_user_id_idx" ON "membership"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "api_token_token_hash_key" ON "api_token"("token_hash");

-- CreateIndex
CREATE INDEX "api_token_account_id_id_idx" ON "api_token"("account_id", "id");

-- CreateIndex
CREATE INDEX "idempotency_key_created_at_idx" ON "idempotency_key"("created_at");

-- CreateIndex
CREATE INDEX "instance_account_id_id_idx" ON "instance"("account_id", "id");

-- CreateIndex
CREATE INDEX "instance_next_check_at_idx" ON "instance"("next_check_at");

-- CreateIndex
CREATE UNIQUE INDEX "instance_account_id_name_key" ON "instance"("account_id", "name");

-- CreateIndex
CREATE UNIQUE INDEX "client_certificate_sha256_key" ON "client_certificate"("sha256");

-- CreateIndex
CREATE UNIQUE INDEX "client_certificate_instance_id_name_key" ON "client_certificate"("instance_id", "name");

-- CreateIndex
CREATE INDEX "permission_check_instance_id_id_idx" ON "permission_check"("instance_id", "id");

-- CreateIndex
CREATE INDEX "managed_object_instance_id_created_at_unique_identifier_idx" ON "managed_object"("instance_id", "created_at", "unique_identifier");

-- CreateIndex
CREATE INDEX "managed_object_instance_id_state_created_at_unique_identifi_idx" ON "managed_object"("instance_id", "state", "created_at", "unique_identifier");

-- CreateIndex
CREATE INDEX "managed_object_instance_id_last_served_at_unique_identifier_idx" ON "managed_object"("instance_id", "last_served_at", "unique_identifier");

-- CreateIndex
CREATE INDEX "managed_object_instance_id_name_unique_identifier_idx" ON "managed_object"("instance_id", "name", "unique_identifier");

-- CreateIndex
CREATE INDEX "managed_object_instance_id_crk_version_idx" ON "managed_object"("instance_id", "crk_version");

-- CreateIndex
CREATE INDEX "managed_object_instance_id_key_manager_key_id_idx" ON "managed_object"("instance_id", "key_manager_key_id");

-- CreateIndex
CREATE INDEX "managed_object_instance_id_created_by_certificate_id_create_idx" ON "managed_object"("instance_id", "created_by_certificate_id", "created_at", "unique_identifier");

-- CreateIndex
CREATE INDEX "managed_object_storage_changed_at_idx" ON "managed_object"("storage", "changed_at");

-- CreateIndex
CREATE INDEX "managed_object_term_instance_id_unique_identifier_idx" ON "managed_object_term"("instance_id", "unique_identifier");

-- CreateIndex
CREATE INDEX "audit_event_account_id_id_idx" ON "audit_event"("account_id", "id");

-- CreateIndex
CREATE INDEX "audit_event_account_id_instance_id_id_idx" ON "audit_event"("account_id", "instance_id", "id");

-- CreateIndex
CREATE INDEX "audit_event_account_id_target_id_id_idx" ON "audit_event"("account_id", "target_id", "id");

-- CreateIndex
CREATE INDEX "audit_event_account_id_action_id_idx" ON "audit_event"("account_id", "action", "id");

-- CreateIndex
CREATE INDEX "audit_event_account_id_initiator_id_id_idx" ON "audit_event"("account_id", "initiator_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "audit_event_node_sequence_key" ON "audit_event"("node", "sequence");

-- AddForeignKey
ALTER TABLE "membership" ADD CONSTRAINT "membership_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "membership" ADD CONSTRAINT "membership_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_token" ADD CONSTRAINT "api_token_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "instance" ADD CONSTRAINT "instance_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "account"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "client_certificate" ADD CONSTRAINT "client_certificate_instance_id_fkey" FOREIGN KEY ("instance_id") REFERENCES "instance"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "permission_check" ADD CONSTRAINT "permission_check_instance_id_fkey" FOREIGN KEY ("instance_id") REFERENCES "instance"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "managed_object" ADD CONSTRAINT "managed_object_instance_id_fkey" FOREIGN KEY ("instance_id") REFERENCES "instance"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "managed_object_term" ADD CONSTRAINT "managed_object_term_instance_id_unique_identifier_fkey" FOREIGN KEY ("instance_id", "unique_identifier") REFERENCES "managed_object"("instance_id", "unique_identifier") ON DELETE CASCADE ON UPDATE CASCADE;
