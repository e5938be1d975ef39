/** The same call, but for what it throws: that goes to `onThrow`. */
export function unfailing<Words extends unknown[]>(
  call: (...words: Words) => void,
  onThrow: (error: unknown) => void,
): (...words: Words) => void {
  return (...words) => {
    try {
      call(...words);
    } catch (error) {
      onThrow(error);
    }
  };
}
