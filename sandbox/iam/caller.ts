/** Who makes a call. */
export interface Caller {
  iamId: string;
  accountId: string;
}
