import { parseSync } from "oxc-parser";

/**
 * A named part of a source file, as it stands there.
 *
 * The name is that of a region (the lines between `// #region name` and `// #endregion name`, moved to the left
 * margin), else of a declaration at the top level, which comes with its docstring.
 *
 * @returns undefined where the source has neither
 */
export function snippetOf(source: string, file: string, name: string): string | undefined {
  return regionOf(source, name) ?? declarationOf(source, file, name);
}

function regionOf(source: string, name: string): string | undefined {
  const lines = source.split("\n");
  const begin = lines.findIndex((line) => line.trim() === `// #region ${name}`);
  const end = lines.findIndex((line, index) => index > begin && line.trim() === `// #endregion ${name}`);
  if (begin === -1 || end === -1) return undefined;
  const inside = lines.slice(begin + 1, end).filter((line) => !/^\s*\/\/ #(end)?region /.test(line));
  const margin = Math.min(...inside.filter((line) => line.trim() !== "").map((line) => line.search(/\S/)));
  return inside.map((line) => line.slice(margin)).join("\n");
}

function declarationOf(source: string, file: string, name: string): string | undefined {
  const { program, comments } = parseSync(file, source);
  const found = program.body.find((statement) => {
    const declaration =
      statement.type === "ExportNamedDeclaration" && statement.declaration !== null
        ? statement.declaration
        : statement;
    switch (declaration.type) {
      case "FunctionDeclaration":
      case "ClassDeclaration":
      case "TSInterfaceDeclaration":
      case "TSTypeAliasDeclaration":
        return declaration.id?.name === name;
      case "VariableDeclaration":
        return declaration.declarations.some(({ id }) => id.type === "Identifier" && id.name === name);
      default:
        return false;
    }
  });
  if (found === undefined) return undefined;
  const docstring = comments.find(
    ({ type, value, end }) =>
      type === "Block" && value.startsWith("*") && /^\n$/.test(source.slice(end, found.start)),
  );
  return source.slice(docstring?.start ?? found.start, found.end);
}
