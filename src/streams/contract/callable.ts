// Instances that can be called. Pure.

/** An instance of a class that extends it is a function, which passes its arguments on to the method `called`. */
export abstract class Callable {
  constructor() {
    const instance: this = Object.setPrototypeOf(
      (...words: unknown[]) => instance.called(...words),
      new.target.prototype,
    );
    // Fields of the class that extends this one are made on what is returned here.
    // biome-ignore lint/correctness/noConstructorReturn: that is the purpose
    return instance;
  }

  protected abstract called(...words: unknown[]): unknown;
}
