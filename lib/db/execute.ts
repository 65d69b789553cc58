/** What takes a statement: a pool or client of pg, or Prisma with or without a transaction. */
export type Executor =
  | { query(text: string, values: unknown[]): Promise<{ readonly rowCount: number | null }> }
  | { $executeRawUnsafe(text: string, ...values: unknown[]): Promise<number> };

/** Carries out a statement wherever it is to take part. @returns how many rows it was about */
export async function execute(executor: Executor, text: string, values: unknown[]): Promise<number> {
  return "query" in executor
    ? ((await executor.query(text, values)).rowCount ?? 0)
    : executor.$executeRawUnsafe(text, ...values);
}
