# The grammar of DriftQL. `npm run build:grammar` makes driftql.generated.ts of it.
#
# Every text has at most one derivation: the parser asserts it, and an ambiguous grammar is exponential. Token types are those of lexer.ts,
# keywords in capitals. Shapes of what the postprocessors return: syntax-tree.ts. Lists are left-recursive chains. Rules whose name stands
# in src/query/syntax-error.ts are shown to users by that file's words.

@preprocessor typescript
@{%
import { lexer } from './lexer.js'

const first = (before: unknown, item: unknown) => ({ before, item })
const token = (data: any[]) => ({ kind: 'token', token: data[0] })
const positive = ([token]: any[]) => ({ kind: 'number', negative: false, token })
const signed = ([sign, token]: any[]) => ({ kind: 'number', negative: sign.type === 'minus', token })
const unsupported = (statement: string) => () => ({ kind: 'not-supported', statement })
%}
@lexer lexer

script ->
    slot                                     {% ([item]) => first(null, item) %}
  | script %semicolon slot                   {% ([before, , item]) => first(before, item) %}

slot ->
    null                                     {% () => null %}
  | statement                                {% id %}

statement ->
    createTable {% id %} | insert {% id %} | patch {% id %} | softDelete {% id %} | select {% id %} | showDrift {% id %}
  | transaction {% id %} | schemaChange {% id %} | maintenance {% id %}

# --- tables

createTable ->
    %CREATE %TABLE tableName tableBody               {% ([, , table, body]) => ({ kind: 'create-table', table, body, ifNotExists: false }) %}
  | %CREATE %TABLE tableName tableBody ifNotExists   {% ([, , table, body]) => ({ kind: 'create-table', table, body, ifNotExists: true }) %}
  | %CREATE %TABLE ifNotExists tableName tableBody   {% ([, , , table, body]) => ({ kind: 'create-table', table, body, ifNotExists: true }) %}

ifNotExists -> %IF %NOT %EXISTS

tableBody -> %lparen %PK %equals columnName indexList %rparen
  {% ([, , , primaryKey, indexes]) => ({ primaryKey, indexes }) %}

indexList ->
    null                                                    {% () => null %}
  | indexList %comma %INDEX %lparen indexItems %rparen      {% ([before, , , , item]) => first(before, item) %}

indexItems ->
    indexItem                                {% ([item]) => first(null, item) %}
  | indexItems %comma indexItem              {% ([before, , item]) => first(before, item) %}

# INDEX(a, b) is two indexes, INDEX((a, b)) is one.
indexItem ->
    columnName                               {% ([item]) => first(null, item) %}
  | columnTuple                              {% id %}

columnTuple -> %lparen columnNames %rparen   {% ([, columns]) => columns %}

columnNames ->
    columnName                               {% ([item]) => first(null, item) %}
  | columnNames %comma columnName            {% ([before, , item]) => first(before, item) %}

# --- writes

insert ->
    %INSERT %INTO tableName documents        {% ([, , table, documents]) => ({ kind: 'insert', table, documents }) %}
  | %UPSERT %INTO tableName documents        {% ([, , table, documents]) => ({ kind: 'upsert', table, documents }) %}

documents ->
    document                                 {% ([item]) => first(null, item) %}
  | documents %comma document                {% ([before, , item]) => first(before, item) %}

document -> %json {% id %} | %parameter {% id %}

patch -> %PATCH tableName %KEY key %SET document
  {% ([, table, , key, , set]) => ({ kind: 'patch', table, key, set }) %}

softDelete -> %SOFT %DELETE %FROM tableName %KEY key
  {% ([, , , table, , key]) => ({ kind: 'soft-delete', table, key }) %}

# --- reads

showDrift -> %SHOW %DRIFT tableName %KEY key
  {% ([, , table, , key]) => ({ kind: 'show-drift', table, key }) %}

# AS OF belongs to the clause before it, so that each place is one derivation; that it stands there once is checked later.
select -> %SELECT selectList %FROM tableName asOf:? whereClause:? limitClause:?
  {% ([, columns, , table, asOf, where, limit]) => ({
    kind: 'select',
    columns,
    table,
    where: where === null ? null : where.condition,
    limit: limit === null ? null : limit.count,
    asOf: [asOf, where === null ? null : where.asOf, limit === null ? null : limit.asOf]
  }) %}

selectList ->
    %star                                    {% () => null %}
  | columns                                  {% id %}

columns ->
    path                                     {% ([item]) => first(null, item) %}
  | columns %comma path                      {% ([before, , item]) => first(before, item) %}

whereClause -> %WHERE condition asOf:?       {% ([, condition, asOf]) => ({ condition, asOf }) %}

condition ->
    comparison                               {% ([item]) => first(null, item) %}
  | condition %AND comparison                {% ([before, , item]) => first(before, item) %}

comparison -> path %equals operand           {% ([left, , right]) => ({ left, right }) %}

limitClause -> %LIMIT rowCount asOf:?        {% ([, count, asOf]) => ({ count, asOf }) %}

rowCount ->
    %integer                                 {% positive %}
  | %parameter                               {% token %}

asOf -> %AS %OF point                        {% ([keyword, , point]) => ({ keyword, point }) %}

point ->
    %seqPoint | %nowPoint | %string | %quoted | %parameter
  | %nowPoint %minus %integer timeUnit

timeUnit -> %word {% id %}

# --- values

# Only a value can be a lone "…" here; next to a dot it is a name. Which of the two it is in dialect sql is decided later.
operand ->
    value                                    {% id %}
  | bareColumn                               {% ([item]) => ({ kind: 'path', path: first(null, item) }) %}
  | dottedPath                               {% ([path]) => ({ kind: 'path', path }) %}

value ->
    scalar                                   {% id %}
  | %NULL                                    {% token %}
  | %json                                    {% token %}

key -> scalar                                {% id %}

scalar ->
    %string {% token %} | %quoted {% token %} | %TRUE {% token %} | %FALSE {% token %} | %parameter {% token %}
  | %integer {% positive %} | %float {% positive %}
  | sign %integer {% signed %} | sign %float {% signed %}

sign -> %minus {% id %} | %plus {% id %}

# --- names

tableName -> name                            {% id %}
columnName -> name                           {% id %}
bareColumn -> plainName                      {% id %}

path ->
    columnName                               {% ([item]) => first(null, item) %}
  | dottedPath                               {% id %}

dottedPath -> path %dot fieldName            {% ([before, , item]) => first(before, item) %}

fieldName -> name {% id %} | reserved {% id %}

name -> plainName {% id %} | %quoted {% id %}

plainName -> %word {% id %} | %backtick {% id %} | unreserved {% id %}

# A keyword is reserved only where taking it for a name would give some text two meanings, or will once the language has aliases.
reserved ->
    %AND {% id %} | %AS {% id %} | %FALSE {% id %} | %FROM {% id %} | %LIMIT {% id %} | %NOT {% id %} | %NULL {% id %}
  | %SELECT {% id %} | %TRUE {% id %} | %WHERE {% id %}

unreserved ->
    %ADD {% id %} | %ALTER {% id %} | %ANALYZE {% id %} | %BACKUP {% id %} | %BEGIN {% id %} | %COLUMN {% id %} | %COMMIT {% id %}
  | %COMMITTED {% id %} | %COMPACT {% id %} | %CREATE {% id %} | %DEFAULT {% id %} | %DELETE {% id %} | %DRIFT {% id %} | %DROP {% id %}
  | %EXISTS {% id %} | %IF {% id %} | %INDEX {% id %} | %INSERT {% id %} | %INTO {% id %} | %ISOLATION {% id %} | %KEY {% id %}
  | %LEVEL {% id %} | %OF {% id %} | %ON {% id %} | %PATCH {% id %} | %PK {% id %} | %READ {% id %} | %REPEATABLE {% id %}
  | %ROLLBACK {% id %} | %SERIALIZABLE {% id %} | %SET {% id %} | %SHOW {% id %} | %SNAPSHOT {% id %} | %SOFT {% id %} | %TABLE {% id %}
  | %TO {% id %} | %TRANSACTION {% id %} | %UNCOMMITTED {% id %} | %UPSERT {% id %}

# --- read, but not executed yet

transaction ->
    %BEGIN %TRANSACTION:? isolation:?        {% unsupported('BEGIN') %}
  | %COMMIT                                  {% unsupported('COMMIT') %}
  | %ROLLBACK                                {% unsupported('ROLLBACK') %}

isolation -> %ISOLATION %LEVEL isolationLevel

isolationLevel -> %SERIALIZABLE | %SNAPSHOT | %REPEATABLE %READ | %READ %COMMITTED | %READ %UNCOMMITTED

schemaChange ->
    %ALTER %TABLE tableName %ADD %COLUMN columnName default:?    {% unsupported('ALTER TABLE') %}
  | %ALTER %TABLE tableName %DROP %COLUMN columnName             {% unsupported('ALTER TABLE') %}
  | %CREATE %INDEX %ON tableName columnTuple                     {% unsupported('CREATE INDEX') %}
  | %CREATE %INDEX indexName %ON tableName columnTuple           {% unsupported('CREATE INDEX') %}

indexName -> name {% id %}

default -> %DEFAULT value

maintenance ->
    %SNAPSHOT tableName                      {% unsupported('SNAPSHOT') %}
  | %COMPACT tableName                       {% unsupported('COMPACT') %}
  | %BACKUP %TO %string                      {% unsupported('BACKUP') %}
  | %ANALYZE %TABLE tableName                {% unsupported('ANALYZE') %}
