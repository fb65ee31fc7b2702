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
const binary = ([left, operator, right]: any[]) => ({ kind: 'binary', operator, left, right })
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
    createTable {% id %} | insert {% id %} | patch {% id %} | softDelete {% id %} | update {% id %} | delete {% id %}
  | select {% id %} | lockingSelect {% id %} | explain {% id %} | showDrift {% id %} | setting {% id %}
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
    indexColumn                              {% ([item]) => first(null, item) %}
  | indexColumnTuple                         {% id %}

indexColumnTuple -> %lparen indexColumns %rparen   {% ([, columns]) => columns %}

indexColumns ->
    indexColumn                              {% ([item]) => first(null, item) %}
  | indexColumns %comma indexColumn          {% ([before, , item]) => first(before, item) %}

indexColumn -> path direction:?              {% ([path, direction]) => ({ path, direction }) %}

columnTuple -> %lparen columnNames %rparen   {% ([, columns]) => columns %}

columnNames ->
    columnName                               {% ([item]) => first(null, item) %}
  | columnNames %comma columnName            {% ([before, , item]) => first(before, item) %}

# --- writes

insert ->
    insertVerb %INTO tableName insertSource conflict:? returning:?
  {% ([verb, , table, source, conflict, returning]) => ({ kind: 'insert', verb, table, source, conflict, returning }) %}

insertVerb -> %INSERT {% id %} | %UPSERT {% id %}

insertSource ->
    documents                                {% ([documents]) => ({ kind: 'documents', documents }) %}
  | columnTuple %VALUES valueRows            {% ([columns, , rows]) => ({ kind: 'rows', columns, rows }) %}
  | select                                   {% ([select]) => ({ kind: 'select', columns: null, select }) %}
  | columnTuple select                       {% ([columns, select]) => ({ kind: 'select', columns, select }) %}

valueRows ->
    valueRow                                 {% ([item]) => first(null, item) %}
  | valueRows %comma valueRow                {% ([before, , item]) => first(before, item) %}

valueRow -> %lparen expressions %rparen      {% ([, items]) => items %}

conflict ->
    %ON %CONFLICT columnTuple:? %DO %NOTHING
  {% ([on, , target]) => ({ on, target, set: null, where: null }) %}
  | %ON %CONFLICT columnTuple:? %DO %UPDATE %SET assignments condition:?
  {% ([on, , target, , , , set, where]) => ({ on, target, set, where }) %}

returning -> %RETURNING selectList           {% ([, items]) => items %}

update -> %UPDATE tableName %SET assignments condition:? returning:?
  {% ([, table, , set, where, returning]) => ({ kind: 'update', table, set, where, returning }) %}

delete -> %DELETE %FROM tableName condition:? returning:?
  {% ([, , table, where, returning]) => ({ kind: 'delete', table, where, returning }) %}

condition -> %WHERE expression               {% ([, expression]) => expression %}

assignments ->
    assignment                               {% ([item]) => first(null, item) %}
  | assignments %comma assignment            {% ([before, , item]) => first(before, item) %}

assignment -> path %equals expression        {% ([path, , expression]) => ({ path, expression }) %}

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

explain ->
    %EXPLAIN select                          {% ([, select]) => ({ kind: 'explain', analyze: false, options: null, select }) %}
  | %EXPLAIN %ANALYZE select                 {% ([, , select]) => ({ kind: 'explain', analyze: true, options: null, select }) %}
  | %EXPLAIN %lparen explainOptions %rparen select
  {% ([, , options, , select]) => ({ kind: 'explain', analyze: false, options, select }) %}

explainOptions ->
    explainOption                            {% ([item]) => first(null, item) %}
  | explainOptions %comma explainOption      {% ([before, , item]) => first(before, item) %}

# FORMAT TEXT, FORMAT JSON: words, not keywords.
explainOption ->
    %ANALYZE                                 {% ([name]) => ({ name, value: null }) %}
  | %word %word                              {% ([name, value]) => ({ name, value }) %}

# AS OF belongs to the clause before it, so that each place is one derivation; that it stands there once is checked later.
select -> %SELECT %DISTINCT:? selectList fromClause:? whereClause:? groupClause:? orderClause:? limits
  {% ([, distinct, items, from, where, group, order, limits]) => ({
    kind: 'select',
    distinct: distinct !== null,
    items,
    from,
    where: where === null ? null : where.expression,
    groupBy: group === null ? null : group.expressions,
    having: group === null ? null : group.having,
    orderBy: order === null ? null : order.items,
    limit: limits.limit,
    offset: limits.offset,
    asOf: [where, group, order].map((clause) => (clause === null ? null : clause.asOf)).concat(limits.asOf)
  }) %}

# A statement of its own: no query within another statement, and no EXPLAIN, locks rows.
lockingSelect -> select %FOR %UPDATE whenLocked
  {% ([select, , , whenLocked]) => ({ kind: 'select-for-update', select, whenLocked }) %}

whenLocked ->
    null                                     {% () => 'wait' %}
  | %NOWAIT                                  {% () => 'refuse' %}
  | %SKIP %LOCKED                            {% () => 'skip' %}

selectList ->
    selectItem                               {% ([item]) => first(null, item) %}
  | selectList %comma selectItem             {% ([before, , item]) => first(before, item) %}

selectItem ->
    %star                                    {% ([star]) => ({ expression: null, alias: null, star, of: null }) %}
  | expression                               {% ([expression]) => ({ expression, alias: null }) %}
  | expression %AS name                      {% ([expression, , alias]) => ({ expression, alias }) %}
  | expression bareAlias                     {% ([expression, alias]) => ({ expression, alias }) %}
  | starTable %dot %star                     {% ([of, , star]) => ({ expression: null, alias: null, star, of }) %}

# Without AS an alias is no keyword, so that none is reserved for it.
bareAlias -> %word {% id %} | %backtick {% id %} | %quoted {% id %}

starTable -> name                            {% id %}

fromClause -> %FROM tableReference joins     {% ([, table, joins]) => ({ table, joins }) %}

joins ->
    null                                     {% () => null %}
  | joins join                               {% ([before, item]) => first(before, item) %}

# Behind a table AS OF is the table's, behind ON it is that of all tables without their own.
join ->
    joinSide %JOIN tableReference %ON expression asOf:?
  {% ([side, , table, , on, asOf]) => ({ side, table, on, asOf }) %}
  | %CROSS %JOIN tableReference              {% ([side, , table]) => ({ side, table, on: null, asOf: null }) %}

joinSide ->
    null                                     {% () => null %}
  | %INNER                                   {% () => null %}
  | outerSide %OUTER:?                       {% ([side]) => side %}

outerSide -> %LEFT {% id %} | %RIGHT {% id %} | %FULL {% id %}

tableReference ->
    tableSource                              {% ([source]) => ({ ...source, alias: null }) %}
  | tableSource tableAlias asOf:?            {% ([source, alias, asOf]) => ({ ...source, alias, asOf: source.asOf.concat(asOf) }) %}

tableAlias ->
    bareAlias                                {% id %}
  | %AS bareAlias                            {% ([, alias]) => alias %}

tableSource ->
    sourceName asOf:?                        {% ([table, asOf]) => ({ table, period: null, asOf: [asOf] }) %}
  | sourceName systemTime asOf:?             {% ([table, time, asOf]) => ({ table, period: time.period, asOf: [time.asOf, asOf] }) %}
  | difference                               {% id %}

sourceName ->
    tableName                                {% id %}
  | systemTable                              {% id %}

systemTable -> %DRIFT %dot plainName         {% ([schema, , table]) => ({ ...schema, value: 'drift.' + table.value }) %}

difference -> %DIFF %lparen tableName %comma point %comma point %rparen
  {% ([, , table, , from, , to]) => ({ table, period: { kind: 'diff', from, to }, asOf: [] }) %}

systemTime -> %FOR %SYSTEM_TIME period       {% ([, , period]) => period %}

period ->
    asOf                                     {% ([asOf]) => ({ period: null, asOf }) %}
  | %ALL                                     {% () => ({ period: { kind: 'all' }, asOf: null }) %}
  | range                                    {% ([range]) => ({ period: { kind: 'range', range }, asOf: null }) %}
  | %EACH step timeUnit range
  {% ([, step, unit, range]) => ({ period: { kind: 'each', step, unit, range }, asOf: null }) %}

step ->
    %integer                                 {% positive %}
  | %parameter                               {% token %}

range ->
    %FROM point %TO point                    {% ([, from, , to]) => ({ from, to, includesEnd: false }) %}
  | %BETWEEN point %AND point                {% ([, from, , to]) => ({ from, to, includesEnd: true }) %}

whereClause -> %WHERE expression asOf:?      {% ([, expression, asOf]) => ({ expression, asOf }) %}

groupClause ->
    %GROUP %BY expressions having:? asOf:?   {% ([, , expressions, having, asOf]) => ({ expressions, having, asOf }) %}
  | having asOf:?                            {% ([having, asOf]) => ({ expressions: null, having, asOf }) %}

having -> %HAVING expression                 {% ([, expression]) => expression %}

orderClause -> %ORDER %BY orderItems asOf:?  {% ([, , items, asOf]) => ({ items, asOf }) %}

orderItems ->
    orderItem                                {% ([item]) => first(null, item) %}
  | orderItems %comma orderItem              {% ([before, , item]) => first(before, item) %}

orderItem -> expression direction:? nulls:?  {% ([expression, direction, nulls]) => ({ expression, direction, nulls }) %}

direction -> %ASC {% id %} | %DESC {% id %}

nulls -> %NULLS %FIRST {% ([, place]) => place %} | %NULLS %LAST {% ([, place]) => place %}

limits ->
    null                                     {% () => ({ limit: null, offset: null, asOf: [] }) %}
  | limit                                    {% ([limit]) => ({ limit: limit.count, offset: null, asOf: [limit.asOf] }) %}
  | offset                                   {% ([offset]) => ({ limit: null, offset: offset.count, asOf: [offset.asOf] }) %}
  | limit offset                             {% ([limit, offset]) => ({ limit: limit.count, offset: offset.count, asOf: [limit.asOf, offset.asOf] }) %}
  | offset limit                             {% ([offset, limit]) => ({ limit: limit.count, offset: offset.count, asOf: [offset.asOf, limit.asOf] }) %}

limit -> %LIMIT rowCount asOf:?              {% ([, count, asOf]) => ({ count, asOf }) %}

offset -> %OFFSET rowCount asOf:?            {% ([, count, asOf]) => ({ count, asOf }) %}

rowCount ->
    %integer                                 {% positive %}
  | %parameter                               {% token %}

asOf -> %AS %OF point                        {% ([keyword, , point]) => ({ keyword, point }) %}

point ->
    %seqPoint | %nowPoint | %string | %quoted | %parameter
  | %nowPoint %minus %integer timeUnit

timeUnit -> %word {% id %}

# --- values

expressions ->
    expression                               {% ([item]) => first(null, item) %}
  | expressions %comma expression            {% ([before, , item]) => first(before, item) %}

expression ->
    conjunction                              {% id %}
  | expression %OR conjunction               {% binary %}

conjunction ->
    negation                                 {% id %}
  | conjunction %AND negation                {% binary %}

negation ->
    predicate                                {% id %}
  | %NOT negation                            {% ([, operand]) => ({ kind: 'not', operand }) %}

predicate ->
    sum                                      {% id %}
  | sum comparator sum                       {% binary %}
  | sum %IS %NULL                            {% ([operand]) => ({ kind: 'is-null', operand, negated: false }) %}
  | sum %IS %NOT %NULL                       {% ([operand]) => ({ kind: 'is-null', operand, negated: true }) %}
  | sum %NOT:? %IN %lparen expressions %rparen
  {% ([operand, not, , , items]) => ({ kind: 'in', operand, items, negated: not !== null }) %}
  | sum %NOT:? %BETWEEN sum %AND sum
  {% ([operand, not, , low, , high]) => ({ kind: 'between', operand, low, high, negated: not !== null }) %}
  | sum %NOT:? likeVerb sum escape:?
  {% ([operand, not, verb, pattern, escape]) => ({ kind: 'like', operand, pattern, escape, verb, negated: not !== null }) %}

comparator ->
    %equals {% id %} | %notEquals {% id %} | %less {% id %} | %lessOrEqual {% id %} | %greater {% id %} | %greaterOrEqual {% id %}

likeVerb -> %LIKE {% id %} | %ILIKE {% id %}

escape -> %ESCAPE %string                    {% ([, character]) => character %}

sum ->
    product                                  {% id %}
  | sum %plus product                        {% binary %}
  | sum %minus product                       {% binary %}

product ->
    factor                                   {% id %}
  | product %star factor                     {% binary %}
  | product %slash factor                    {% binary %}
  | product %percent factor                  {% binary %}

factor ->
    cast                                     {% id %}
  | sign factor                              {% ([operator, operand]) => ({ kind: 'unary', operator, operand }) %}

cast ->
    primary                                  {% id %}
  | cast %cast typeName                      {% ([operand, , type]) => ({ kind: 'cast', operand, type }) %}

typeName -> %word {% id %}

# Only a value can be a lone "…" here; next to a dot it is a name. Which of the two it is depends on its place and is decided later.
primary ->
    literal                                  {% id %}
  | bareColumn                               {% ([item]) => ({ kind: 'path', path: first(null, item) }) %}
  | dottedPath                               {% ([path]) => ({ kind: 'path', path }) %}
  | %lparen expression %rparen               {% ([, expression]) => ({ kind: 'group', expression }) %}
  | %word %lparen %star %rparen              {% ([name, , star]) => ({ kind: 'call', name, distinct: false, items: null, star }) %}
  | %word %lparen %DISTINCT:? expressions %rparen
  {% ([name, , distinct, items]) => ({ kind: 'call', name, distinct: distinct !== null, items }) %}
  | %CAST %lparen expression %AS typeName %rparen
  {% ([, , operand, , type]) => ({ kind: 'cast', operand, type }) %}

literal ->
    %string {% token %} | %quoted {% token %} | %TRUE {% token %} | %FALSE {% token %} | %NULL {% token %} | %parameter {% token %}
  | %json {% token %} | %integer {% positive %} | %float {% positive %}

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

# An index is a JSON literal to the lexer: a[0].
dottedPath ->
    path %dot fieldName                      {% ([before, , item]) => first(before, item) %}
  | path %json                               {% ([before, item]) => first(before, item) %}

fieldName -> name {% id %} | reserved {% id %}

name -> plainName {% id %} | %quoted {% id %}

plainName -> %word {% id %} | %backtick {% id %} | unreserved {% id %}

# A keyword is reserved only where taking it for a name would give some text two meanings.
reserved ->
    %AND {% id %} | %AS {% id %} | %DISTINCT {% id %} | %FALSE {% id %} | %FROM {% id %} | %LIMIT {% id %} | %NOT {% id %} | %NULL {% id %}
  | %SELECT {% id %} | %TRUE {% id %} | %WHERE {% id %}

unreserved ->
    %ADD {% id %} | %ALL {% id %} | %ALTER {% id %} | %ANALYZE {% id %} | %ASC {% id %} | %BACKUP {% id %} | %BEGIN {% id %}
  | %BETWEEN {% id %} | %BY {% id %} | %CAST {% id %} | %COLUMN {% id %} | %COMMIT {% id %} | %COMMITTED {% id %}
  | %COMPACT {% id %} | %CONFLICT {% id %} | %CREATE {% id %} | %CROSS {% id %} | %DEFAULT {% id %} | %DELETE {% id %}
  | %DESC {% id %} | %DIFF {% id %} | %DO {% id %} | %DRIFT {% id %} | %DROP {% id %} | %EACH {% id %} | %ESCAPE {% id %}
  | %EXISTS {% id %} | %EXPLAIN {% id %} | %FIRST {% id %} | %FOR {% id %} | %FULL {% id %} | %GROUP {% id %}
  | %HAVING {% id %} | %IF {% id %} | %ILIKE {% id %} | %IN {% id %} | %INDEX {% id %} | %INNER {% id %} | %INSERT {% id %}
  | %INTO {% id %} | %IS {% id %} | %ISOLATION {% id %} | %JOIN {% id %} | %KEY {% id %} | %LAST {% id %} | %LEFT {% id %}
  | %LEVEL {% id %} | %LIKE {% id %} | %LOCKED {% id %} | %NOTHING {% id %} | %NOWAIT {% id %} | %NULLS {% id %}
  | %OF {% id %} | %OFFSET {% id %} | %ON {% id %} | %ONLY {% id %}
  | %OR {% id %} | %ORDER {% id %} | %OUTER {% id %} | %PATCH {% id %} | %PK {% id %} | %READ {% id %} | %RELEASE {% id %} | %REPEATABLE {% id %}
  | %RESET {% id %} | %RETURNING {% id %} | %RIGHT {% id %} | %ROLLBACK {% id %} | %SAVEPOINT {% id %} | %SERIALIZABLE {% id %} | %SET {% id %}
  | %SHOW {% id %} | %SKIP {% id %} | %SNAPSHOT {% id %} | %SOFT {% id %} | %START {% id %} | %SYSTEM_TIME {% id %} | %TABLE {% id %} | %TO {% id %}
  | %TRANSACTION {% id %} | %UNCOMMITTED {% id %} | %UNIQUE {% id %} | %UPDATE {% id %} | %UPSERT {% id %} | %VALUES {% id %} | %WITH {% id %} | %WRITE {% id %}

# --- settings of the session

setting ->
    %SET path %equals value                  {% ([, name, , value]) => ({ kind: 'set', name, value }) %}
  | %SET path %TO value                      {% ([, name, , value]) => ({ kind: 'set', name, value }) %}
  | %RESET path                              {% ([, name]) => ({ kind: 'set', name, value: null }) %}

# --- transactions

transaction ->
    begin isolation:? access:? beginOptions:?
  {% ([, isolation, access, options]) => ({ kind: 'begin', isolation, readOnly: access === 'read only', options }) %}
  | %COMMIT                                  {% () => ({ kind: 'commit' }) %}
  | %ROLLBACK                                {% () => ({ kind: 'rollback' }) %}
  | %SAVEPOINT savepointName                 {% ([, name]) => ({ kind: 'savepoint', verb: 'savepoint', name }) %}
  | %ROLLBACK %TO %SAVEPOINT:? savepointName {% ([, , , name]) => ({ kind: 'savepoint', verb: 'rollback-to', name }) %}
  | %RELEASE %SAVEPOINT:? savepointName      {% ([, , name]) => ({ kind: 'savepoint', verb: 'release', name }) %}

begin -> %BEGIN %TRANSACTION:? | %START %TRANSACTION

isolation -> %ISOLATION %LEVEL isolationLevel {% ([, , level]) => level %}

# No level reads what is not committed: READ UNCOMMITTED is READ COMMITTED, as the standard allows.
isolationLevel ->
    %SERIALIZABLE                            {% () => 'serializable' %}
  | %SNAPSHOT                                {% () => 'repeatable read' %}
  | %REPEATABLE %READ                        {% () => 'repeatable read' %}
  | %READ %COMMITTED                         {% () => 'read committed' %}
  | %READ %UNCOMMITTED                       {% () => 'read committed' %}

access ->
    %READ %ONLY                              {% () => 'read only' %}
  | %READ %WRITE                             {% () => 'read write' %}

# METADATA is a word, not a keyword.
beginOptions -> %WITH %lparen %word %equals document %rparen   {% ([, , name, , value]) => ({ name, value }) %}

savepointName -> name                        {% id %}

# --- tables and indexes that change; some is read, but not executed yet

schemaChange ->
    %ALTER %TABLE tableName %ADD %COLUMN columnName default:?    {% unsupported('ALTER TABLE') %}
  | %ALTER %TABLE tableName %DROP %COLUMN columnName             {% unsupported('ALTER TABLE') %}
  | createIndex                                                  {% id %}
  | %DROP %INDEX indexName                   {% ([, , name]) => ({ kind: 'drop-index', name, ifExists: false }) %}
  | %DROP %INDEX indexName %IF %EXISTS       {% ([, , name]) => ({ kind: 'drop-index', name, ifExists: true }) %}
  | %DROP %INDEX %IF %EXISTS indexName       {% ([, , , , name]) => ({ kind: 'drop-index', name, ifExists: true }) %}

createIndex ->
    %CREATE %UNIQUE:? %INDEX indexName:? %ON tableName indexColumnTuple
  {% ([, unique, , name, , table, columns]) => ({ kind: 'create-index', table, name, columns, unique: unique !== null, ifNotExists: false }) %}
  | %CREATE %UNIQUE:? %INDEX ifNotExists indexName:? %ON tableName indexColumnTuple
  {% ([, unique, , , name, , table, columns]) => ({ kind: 'create-index', table, name, columns, unique: unique !== null, ifNotExists: true }) %}

indexName -> name {% id %}

default -> %DEFAULT value

maintenance ->
    %SNAPSHOT tableName                      {% ([, table]) => ({ kind: 'maintenance', verb: 'snapshot', table }) %}
  | %COMPACT tableName                       {% ([, table]) => ({ kind: 'maintenance', verb: 'compact', table }) %}
  | %BACKUP %TO %string                      {% unsupported('BACKUP') %}
  | %ANALYZE %TABLE tableName                {% ([, , table]) => ({ kind: 'analyze', table }) %}
  | %ANALYZE                                 {% () => ({ kind: 'analyze', table: null }) %}
