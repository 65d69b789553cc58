-- CreateTable
CREATE TABLE "audit_intent" (
    "id" UUID NOT NULL,
    "account_id" UUID,
    "process" TEXT NOT NULL,
    "effects" TEXT NOT NULL,
    "event" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "alive_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "outcome_id" UUID,
    "outcome_at" TIMESTAMPTZ(3),

    CONSTRAINT "audit_intent_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "audit_intent_alive_at_idx" ON "audit_intent"("alive_at");
