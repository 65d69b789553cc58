/**
 * Lets a process go on when what it prints cannot be written: the disk behind a redirection is full, the terminal is
 * closed, or the supervisor, who takes it, was killed.
 */
export function surviveLostOutput(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", () => {});
  }
}
