/** Process of one HSM token: started by the processes that use it, ends with them (lib/key-managers/pkcs11). */
import { runTokenHost } from "@/lib/key-managers/pkcs11/host";

runTokenHost();
