export { createKmipPorts, type KmipPorts } from "./kmip-ports";
