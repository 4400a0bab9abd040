/**
 * What can be changed on one line that enforces something: a condition, a comparison, a constant, a statement, a
 * value. Never what only says something: messages, identifiers of statements, types.
 */
import ts from 'typescript';

export type MutationKind = 'negation' | 'comparison' | 'logic' | 'constant' | 'default' | 'deletion' | 'value';

export interface Mutation {
  readonly kind: MutationKind;
  /** Where it begins and ends in the text. */
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
  /** What a reader is shown: the changed code, and what is needed to understand it. */
  readonly before: string;
  readonly after: string;
}

const comparisons: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
};
const logic: Readonly<Record<string, string>> = { '&&': '||', '||': '&&' };

/** Its text with the mutation in place. */
export const mutated = (text: string, { start, end, replacement }: Mutation): string => text.slice(0, start) + replacement + text.slice(end);

/** Every mutation whose place begins on `line`, counted from 1. */
export function mutationsOf(text: string, line: number): readonly Mutation[] {
  const tree = ts.createSourceFile('source.ts', text, ts.ScriptTarget.ES2023, true);
  const found: Mutation[] = [];
  const visit = (node: ts.Node): void => {
    // Types are gone at run time, and a parameter's default belongs to the head of its function.
    if (ts.isTypeNode(node) || ts.isParameter(node) || ts.isImportDeclaration(node)) return;
    for (const [place, kind, replacement] of changesOf(node)) {
      const start = place.getStart();
      const end = place.getEnd();
      if (tree.getLineAndCharacterOfPosition(start).line + 1 !== line) continue;
      const shown = isAlone(place) || place.parent.getText().includes('\n') ? place : place.parent;
      const [from, to] = [shown.getStart(), shown.getEnd()];
      const after = text.slice(from, start) + replacement + text.slice(end, to);
      found.push({ kind, start, end, replacement, before: shown.getText(), after });
    }
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(tree, visit);
  return found;
}

/** Whether the result still parses, and is another program. */
export function isReal(text: string, mutation: Mutation): boolean {
  const changed = compiled(mutated(text, mutation));
  return changed !== undefined && changed !== compiled(text);
}

/** What runs in the end, or `undefined` when it does not parse. */
function compiled(text: string): string | undefined {
  const compilerOptions = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, removeComments: true };
  const { outputText, diagnostics = [] } = ts.transpileModule(text, { compilerOptions, reportDiagnostics: true });
  return diagnostics.length > 0 ? undefined : outputText;
}

type Change = readonly [place: ts.Node, kind: MutationKind, replacement: string];

/** Whether a reader understands its text without what is around it. */
const isAlone = (node: ts.Node): boolean => ts.isStatement(node) || (node.getChildCount() > 0 && !ts.isPropertyAccessExpression(node));

/** What may be done to this node itself. */
function changesOf(node: ts.Node): readonly Change[] {
  if (ts.isIfStatement(node)) return [[node.expression, 'negation', not(node.expression)]];
  if (ts.isConditionalExpression(node)) return [[node.condition, 'negation', not(node.condition)]];
  if (ts.isBinaryExpression(node)) return changesOfBinary(node);
  if (ts.isExpressionStatement(node) || ts.isThrowStatement(node)) return [[node, 'deletion', ';']];
  if (ts.isReturnStatement(node)) return node.expression === undefined ? [] : changesOfValue(node.expression);
  if (ts.isArrowFunction(node)) return ts.isBlock(node.body) ? [] : changesOfValue(node.body);
  if (ts.isPropertyAssignment(node)) return changesOfValue(node.initializer);
  if (ts.isVariableDeclaration(node)) return node.initializer === undefined ? [] : changesOfValue(node.initializer);
  if (ts.isDefaultClause(node)) return [[node.getFirstToken() ?? node, 'constant', 'case undefined']];
  const constant = otherConstant(node);
  return constant === undefined ? [] : [[node, 'constant', constant]];
}

function changesOfBinary(node: ts.BinaryExpression): readonly Change[] {
  const { left, operatorToken, right } = node;
  const operator = operatorToken.getText();
  const other = comparisons[operator];
  if (other !== undefined) return isSmallerOrLarger(node) ? [] : [[operatorToken, 'comparison', other]];
  const otherLogic = logic[operator];
  if (otherLogic !== undefined) {
    return [[operatorToken, 'logic', otherLogic], ...[left, right].map((operand): Change => [operand, 'negation', not(operand)])];
  }
  // With the default alone, and without it.
  if (operator === '??' && !isSaid(right)) return [right, left].map((side): Change => [node, 'default', side.getText()]);
  return [];
}

/** `a < b ? a : b`: equal values make no difference there. */
function isSmallerOrLarger(node: ts.BinaryExpression): boolean {
  const { parent } = node;
  if (!ts.isConditionalExpression(parent) || parent.condition !== node) return false;
  const values = new Set([parent.whenTrue.getText(), parent.whenFalse.getText()]);
  return values.has(node.left.getText()) && values.has(node.right.getText());
}

/** A value that is given away: returned, assigned to a property, or kept under a name. Constants are changed elsewhere. */
function changesOfValue(value: ts.Expression): readonly Change[] {
  const inner = unwrapped(value);
  if (ts.isBinaryExpression(inner) && comparisons[inner.operatorToken.getText()] !== undefined) return [];
  if (ts.isPrefixUnaryExpression(inner) && inner.operator === ts.SyntaxKind.ExclamationToken) return [[value, 'negation', inner.operand.getText()]];
  const isGone = ts.isIdentifier(inner) && inner.text === 'undefined';
  const isElsewhere =
    otherConstant(inner) !== undefined ||
    ts.isConditionalExpression(inner) ||
    ts.isBinaryExpression(inner) ||
    ts.isArrowFunction(inner) ||
    ts.isObjectLiteralExpression(inner) ||
    isSaid(inner);
  return isGone || isElsewhere ? [] : [[value, 'value', 'undefined']];
}

const unwrapped = (value: ts.Expression): ts.Expression =>
  ts.isParenthesizedExpression(value) || ts.isAsExpression(value) ? unwrapped(value.expression) : value;

const not = (condition: ts.Expression): string => {
  const isNegated = ts.isPrefixUnaryExpression(condition) && condition.operator === ts.SyntaxKind.ExclamationToken;
  return isNegated ? condition.operand.getText() : `!(${condition.getText()})`;
};

/** Another number, boolean or string than this one. `ReasonCode.success` and its kin are numbers too, some of them one bit each. */
function otherConstant(node: ts.Node): string | undefined {
  if (isKey(node) || isSaid(node)) return undefined;
  if (ts.isNumericLiteral(node)) return String(Number(node.text) + 1);
  if (node.kind === ts.SyntaxKind.TrueKeyword) return 'false';
  if (node.kind === ts.SyntaxKind.FalseKeyword) return 'true';
  if (ts.isStringLiteral(node)) return node.text === '' ? undefined : "''";
  if (!ts.isPropertyAccessExpression(node) || !ts.isIdentifier(node.expression)) return undefined;
  const isEnumeration = /^[A-Z][a-z]/.test(node.expression.text) && /^[a-z]/.test(node.name.text);
  const isCalled = ts.isCallExpression(node.parent) && node.parent.expression === node;
  return isEnumeration && !isCalled ? `(${node.getText()} - 1)` : undefined;
}

const isKey = (node: ts.Node): boolean => 'name' in node.parent && node.parent.name === node;

/** What only tells somebody something: prose, the identifier of a statement, a reason passed on to the host. */
function isSaid(node: ts.Node): boolean {
  if (ts.isTemplateExpression(node)) return true;
  if (ts.isCallExpression(node)) return node.expression.getText() === 'statementOf';
  // A last 0 is a place in the log, which a store in memory does not ask for, or the value in a message.
  if (ts.isNumericLiteral(node)) return node.text === '0' && argumentsOf(node).length > 1 && argumentsOf(node).at(-1) === node;
  if (!ts.isStringLiteralLike(node)) return false;
  return /\s|^(?:MQTT|X5)-/.test(node.text) || isArgument(node);
}

/** The arguments among which the node is; none when it is no argument. */
function argumentsOf({ parent }: ts.Node): readonly ts.Node[] {
  return ts.isCallExpression(parent) || ts.isNewExpression(parent) ? (parent.arguments ?? []) : [];
}

/** Also as one of two: `tell(late ? 'expired' : 'full')`. */
const isArgument = (node: ts.Node): boolean =>
  argumentsOf(node).includes(node) || (ts.isConditionalExpression(node.parent) && node.parent.condition !== node && isArgument(node.parent));
