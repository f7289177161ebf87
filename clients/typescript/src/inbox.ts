/** Keeps what a subscription tells until it is asked for, in order. */
export class Inbox<T> {
  readonly #kept: T[] = [];
  readonly #waiting: ((value: T) => void)[] = [];

  put(value: T): void {
    const next = this.#waiting.shift();
    if (next) {
      next(value);
    } else {
      this.#kept.push(value);
    }
  }

  next(): Promise<T> {
    const [first] = this.#kept;
    if (first === undefined) {
      return new Promise((resolve) => this.#waiting.push(resolve));
    }
    this.#kept.shift();
    return Promise.resolve(first);
  }
}
