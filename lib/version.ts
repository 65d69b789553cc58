import packageJson from "@/package.json";

/** Version of this program, from package.json. */
export const VERSION: string = packageJson.version;
