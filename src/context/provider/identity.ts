/** The name of a provider on the wire; shared by all that speak for it. */
export interface Identity {
  /** The file's, or the one that the first start has brought; empty until then. */
  contextId: string;
}
