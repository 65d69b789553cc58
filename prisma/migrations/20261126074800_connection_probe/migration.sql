-- CreateTable
CREATE TABLE "connection_probe" (
    "sha256" TEXT NOT NULL,
    "instance_id" UUID NOT NULL,
    "test_id" UUID NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "connection_probe_pkey" PRIMARY KEY ("sha256")
);

-- CreateIndex
CREATE UNIQUE INDEX "connection_probe_instance_id_key" ON "connection_probe"("instance_id");

-- AddForeignKey
ALTER TABLE "connection_probe" ADD CONSTRAINT "connection_probe_instance_id_fkey" FOREIGN KEY ("instance_id") REFERENCES "instance"("id") ON DELETE CASCADE ON UPDATE CASCADE;
