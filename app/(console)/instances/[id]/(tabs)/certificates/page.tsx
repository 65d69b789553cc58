import { CertificateList } from "@/components/certificates/certificate-list";
import { Prefetch } from "../../../../prefetch";

export default async function CertificatesPage({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;

  return (
    <Prefetch
      read={(client, queries) => [
        client.prefetchInfiniteQuery(queries.clientCertificates.list(id, { limit: 50 })),
      ]}
    >
      <CertificateList instanceId={id} />
    </Prefetch>
  );
}
