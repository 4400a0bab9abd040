/** The public names of the package and what is reachable from them, as the compiler sees them. */
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** The compiler options of a tsconfig of this repository. */
export function compilerOptions(file: string): ts.CompilerOptions {
  const read = ts.getParsedCommandLineOfConfigFile(root + file, {}, { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail });
  if (read === undefined) throw new Error(`${file} cannot be read`);
  return read.options;
}

function fail(diagnostic: ts.Diagnostic): never {
  throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
}

/** A declaration or a member that users of the package can see. */
export interface PublicName {
  /** `Broker.publish`, `AuthenticateAnswer.reasonCode`. */
  readonly name: string;
  readonly node: ts.Node;
  readonly symbol: ts.Symbol | undefined;
  readonly documentation: string;
}

export class PublicApi {
  readonly checker: ts.TypeChecker;
  /** By entry point: what it exports, aliases followed. */
  readonly exports: ReadonlyMap<string, readonly ts.Symbol[]>;
  readonly names: readonly PublicName[];

  constructor(entryPoints: readonly string[]) {
    const program = ts.createProgram(entryPoints.map((file) => root + file), compilerOptions('tsconfig.json'));
    const checker = program.getTypeChecker();
    this.checker = checker;
    const exported = (file: string): ts.Symbol[] => {
      const module = checker.getSymbolAtLocation(program.getSourceFile(root + file) as ts.SourceFile);
      if (module === undefined) throw new Error(`${file} exports nothing`);
      return checker.getExportsOfModule(module).map((symbol) => this.target(symbol));
    };
    this.exports = new Map(entryPoints.map((file) => [file, exported(file)]));
    this.names = [...new Set([...this.exports.values()].flat())].flatMap((symbol) => this.namesOf(symbol));
  }

  /** Past the `export … from`. */
  target(symbol: ts.Symbol): ts.Symbol {
    return (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : this.checker.getAliasedSymbol(symbol);
  }

  private namesOf(symbol: ts.Symbol): PublicName[] {
    const documentation = this.documentationOf(symbol);
    return (symbol.declarations ?? []).flatMap((node) => [
      { name: symbol.name, node, symbol, documentation },
      ...this.membersOf(symbol.name, node),
    ]);
  }

  /** Members of interfaces, classes, constant objects and of object types inside unions. */
  private membersOf(owner: string, node: ts.Node): PublicName[] {
    const found: PublicName[] = [];
    const visit = (child: ts.Node): void => {
      if (ts.isBlock(child) || isHidden(child) || isTypedElsewhere(child)) return;
      const member = isMember(child) ? `${owner}.${nameOf(child)}` : undefined;
      if (member !== undefined) {
        const symbol = 'symbol' in child ? (child.symbol as ts.Symbol) : undefined;
        found.push({ name: member, node: child, symbol, documentation: symbol === undefined ? '' : this.documentationOf(symbol) });
      }
      const isUnionOfNames =
        child.parent === node && ts.isUnionTypeNode(child) && child.types.length > 3 && child.types.every(ts.isLiteralTypeNode);
      if (isUnionOfNames) {
        for (const type of child.types) found.push({ name: `${owner} ${type.getText()}`, node: type, symbol: undefined, documentation: commentBefore(type) });
      }
      // A member's own comment tells what its parameters, its result and its inner fields are.
      if (member !== undefined || ts.isFunctionTypeNode(child)) return;
      ts.forEachChild(child, visit);
    };
    if (ts.isFunctionDeclaration(node)) return found;
    ts.forEachChild(node, visit);
    return found;
  }

  private documentationOf(symbol: ts.Symbol): string {
    return ts.displayPartsToString(symbol.getDocumentationComment(this.checker)).trim();
  }
}

type Member = ts.TypeElement | ts.ClassElement | ts.PropertyAssignment;

const isMember = (node: ts.Node): node is Member =>
  ts.isPropertySignature(node) ||
  ts.isMethodSignature(node) ||
  ts.isPropertyDeclaration(node) ||
  ts.isMethodDeclaration(node) ||
  ts.isConstructorDeclaration(node) ||
  ts.isPropertyAssignment(node) ||
  ts.isAccessor(node);

const nameOf = (node: Member): string => node.name?.getText() ?? 'constructor';

/** Private, or marked as internal. */
function isHidden(node: ts.Node): boolean {
  const isPrivate = ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);
  const hasPrivateName = isMember(node) && node.name !== undefined && ts.isPrivateIdentifier(node.name);
  const isInternal = ts.getJSDocTags(node).some(({ tagName }) => tagName.text === 'internal');
  return isPrivate === true || hasPrivateName || isInternal;
}

/** The value of a constant whose type says it all: `const silent: Logger = { … }`. */
const isTypedElsewhere = (node: ts.Node): boolean =>
  ts.isVariableDeclaration(node.parent) && node.parent.type !== undefined && node === node.parent.initializer;

/** The comment in front of a member of a union, before or behind its `|`. */
function commentBefore(node: ts.Node): string {
  const text = node.getSourceFile().text.slice(node.pos - 400 < 0 ? 0 : node.pos - 400, node.getStart());
  return /\/\*\*((?:(?!\*\/).)*)\*\/\s*\|?\s*$/s.exec(text)?.[1]?.trim() ?? '';
}
