-- AlterTable
ALTER TABLE "endpoint_node" ADD COLUMN     "instance_id" UUID;

-- CreateTable
CREATE TABLE "dedicated_endpoint" (
    "instance_id" UUID NOT NULL,
    "zone" INTEGER NOT NULL,
    "port" INTEGER NOT NULL,
    "problem" TEXT,

    CONSTRAINT "dedicated_endpoint_pkey" PRIMARY KEY ("instance_id","zone")
);

-- CreateIndex
CREATE UNIQUE INDEX "dedicated_endpoint_port_key" ON "dedicated_endpoint"("port");

-- CreateIndex
CREATE UNIQUE INDEX "instance_hpcs_key_manager_guid_key" ON "instance"("key_manager_guid") WHERE (key_manager_kind = 'hpcs');

-- AddForeignKey
ALTER TABLE "dedicated_endpoint" ADD CONSTRAINT "dedicated_endpoint_instance_id_fkey" FOREIGN KEY ("instance_id") REFERENCES "instance"("id") ON DELETE CASCADE ON UPDATE CASCADE;
