/** Which keys belong to which group, so that what is done to a group costs what the group has. */
export class Groups {
  readonly #keys = new Map<string, Set<string>>();

  add(group: string, key: string): void {
    const keys = this.#keys.get(group);

    if (keys === undefined) {
      this.#keys.set(group, new Set([key]));
    } else {
      keys.add(key);
    }
  }

  delete(group: string, key: string): void {
    const keys = this.#keys.get(group);

    if (keys?.delete(key) && keys.size === 0) {
      this.#keys.delete(group);
    }
  }

  /** The keys of a group as they are now. */
  keysOf(group: string): readonly string[] {
    return [...(this.#keys.get(group) ?? [])];
  }

  clear(): void {
    this.#keys.clear();
  }
}
