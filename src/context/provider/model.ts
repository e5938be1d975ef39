// The model of the context that a provider runs. It may be replaced by another one; what needs it asks for the
// present one.
import type { ContextConfig } from "../../config/context-config.ts";

export interface Model {
  readonly config: ContextConfig;
  /** Counts the models that this context has had. */
  readonly generation: number;
  /** Answers the generation of the next one. */
  replace(next: ContextConfig): number;
}

export function createModel(first: ContextConfig, generation = 1): Model {
  let [config, count] = [first, generation];
  return {
    get config() {
      return config;
    },
    get generation() {
      return count;
    },
    replace(next) {
      config = next;
      count += 1;
      return count;
    },
  };
}
