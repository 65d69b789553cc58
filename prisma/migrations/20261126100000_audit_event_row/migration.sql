-- What a writer of the audit hands over for an event: a group of them is one value of its append statement.
CREATE TYPE "audit_event_row" AS (
    "id" UUID,
    "account_id" UUID,
    "instance_id" UUID,
    "event_time" TIMESTAMPTZ(3),
    "action" TEXT,
    "outcome" TEXT,
    "severity" TEXT,
    "initiator_id" TEXT,
    "initiator_name" TEXT,
    "target_id" TEXT,
    "target_name" TEXT,
    "event" TEXT,
    "sequence" BIGINT,
    "previous_hash" BYTEA,
    "hash" BYTEA
);
