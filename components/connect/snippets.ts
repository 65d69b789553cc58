import type { Instance } from "@/lib/api/instances/schemas";

/** A value inside single quotes of PowerShell: a quote is doubled, nothing else is special. */
export function powerShellString(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** A value inside single quotes of a POSIX shell. */
export function shellString(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

type Snippets = {
  add: string;
  compare: string;
  certificate: string;
  upload: string;
  use: string;
  check: string;
};

/**
 * PowerCLI commands for an instance (VMware PowerCLI reference, module VMware.VimAutomation.Storage), and the REST
 * call that pins the certificate.
 * @param origin of this console, e.g. https://kmip.example.com
 */
export function connectSnippets(
  instance: Pick<Instance, "id" | "name" | "endpoints">,
  origin: string,
): Snippets {
  const provider = powerShellString(instance.name);
  const file = powerShellString("./vcenter-kmip.pem");

  return {
    add: [
      `$provider = ${provider}`,
      ...instance.endpoints.map(
        ({ zone, host, port }) =>
          `Add-KeyManagementServer -KeyProvider $provider -Name ${powerShellString(`zone-${zone}`)} -Address ${powerShellString(host)} -Port ${port} -TrustKeyManagementServer $true`,
      ),
    ].join("\n"),
    compare:
      "Get-KeyManagementServer -KeyProvider $provider | Format-List Name, Address, Port, ServerCertificateInfo",
    certificate: `New-KmipClientCertificate -KeyProvider (Get-KeyProvider $provider) -FilePath ${file}`,
    upload: [
      `curl -sS ${shellString(`${origin}/api/v1/instances/${instance.id}/client-certificates`)} \\`,
      '  -H "Authorization: Bearer $KMIP_CONSOLE_TOKEN" -H "Content-Type: application/json" \\',
      `  -d "$(jq -n --arg name vcenter --rawfile pem ./vcenter-kmip.pem '{name: $name, pem: $pem}')"`,
    ].join("\n"),
    use: `Set-KeyProvider -KeyProvider (Get-KeyProvider $provider) -SelfSignedClientCertificateFilePath ${file}`,
    check: [
      "Get-KeyManagementServer -KeyProvider $provider | Select-Object Name, Address, Port, Status",
      "Set-KeyProvider -KeyProvider (Get-KeyProvider $provider) -DefaultForSystem",
    ].join("\n"),
  };
}
