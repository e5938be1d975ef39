/** The same call, except that it never throws: `onThrow` gets the error. */
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
