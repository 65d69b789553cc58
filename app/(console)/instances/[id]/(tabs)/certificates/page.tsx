import { CertificateList } from "@/components/certificates/certificate-list";
import { listClientCertificates } from "@/lib/api/client-certificates/operations";
import { Prefetch } from "../../../../prefetch";

export default async function CertificatesPage({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;

  return (
    <Prefetch read={(prefetch) => [prefetch(listClientCertificates, { id, limit: 50 })]}>
      <CertificateList instanceId={id} />
    </Prefetch>
  );
}
