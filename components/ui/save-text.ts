/** Saves text as a file on the reader's computer. */
export function saveText(fileName: string, text: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = fileName;
  link.click();
  // The download has its own reference by the next task; keeping the URL would keep the text in memory.
  setTimeout(() => URL.revokeObjectURL(url), 0);
}

/** A name as part of a file name: letters, digits and hyphens only. */
export function fileNamePart(name: string): string {
  return name.replace(/[^\p{L}\p{N}.-]+/gu, "-").replace(/^-+|-+$/g, "") || "file";
}
