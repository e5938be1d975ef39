// Schemata as types: a JSON Schema given `as const`, one of TypeBox, or one that follows Standard Schema, such as zod's,
// types what a handler gets. Types alone. Pure.
import type { Json } from "../protocol/json.ts";

/** A JSON Schema, of draft 6 to 2020-12. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown };

/** What follows https://standardschema.dev, such as a schema of zod or valibot. */
export interface StandardSchema<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { message: string; path?: readonly unknown[] | undefined }[] };

export type AnySchema = JsonSchema | StandardSchema;

/** The type of what a schema lets through; any JSON where the schema does not say. */
export type TypeOf<Schema> =
  Schema extends StandardSchema<infer Output>
    ? Output
    : Schema extends { static: infer Static }
      ? Static
      : Schema extends JsonSchema
        ? JsonSchemaType<Schema>
        : Json;

type JsonSchemaType<S> = S extends { const: infer Value }
  ? Value
  : S extends { enum: readonly (infer Value)[] }
    ? Value
    : S extends { anyOf: readonly (infer Member)[] } | { oneOf: readonly (infer Member)[] }
      ? JsonSchemaType<Member>
      : S extends { type: infer Type }
        ? Type extends readonly (infer Member)[]
          ? ByName<Member, S>
          : ByName<Type, S>
        : Json;

type ByName<Type, S> = Type extends "string"
  ? string
  : Type extends "number" | "integer"
    ? number
    : Type extends "boolean"
      ? boolean
      : Type extends "null"
        ? null
        : Type extends "array"
          ? ArrayType<S>
          : Type extends "object"
            ? ObjectType<S>
            : Json;

type ArrayType<S> = S extends { items: infer Items } ? JsonSchemaType<Items>[] : Json[];

type ObjectType<S> = S extends { properties: infer Properties }
  ? { -readonly [Name in keyof Properties & RequiredOf<S>]: JsonSchemaType<Properties[Name]> } & {
      -readonly [Name in Exclude<keyof Properties, RequiredOf<S>>]?: JsonSchemaType<Properties[Name]>;
    }
  : { [name: string]: Json };

type RequiredOf<S> = S extends { required: readonly (infer Name)[] } ? Name : never;
