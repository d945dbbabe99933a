//! ALTER TABLE, one operation after the other.

use sqlparser::ast::{
    self, AlterColumnOperation, AlterTableAlgorithm, AlterTableLock, AlterTableOperation,
    ColumnDef, ColumnOption, DataType, DetachPartitionMode, RenameTableNameKind, TableConstraint,
};
use sqlparser::tokenizer::TokenWithSpan;

use super::calls;
use super::fresh::{Fresh, key};
use super::rules::{Breach, Rule, shown};
use super::words;
use crate::api::common::Engine;

/// Types of columns that fill themselves in, row by row.
const SERIAL: [&str; 6] = [
    "SERIAL",
    "BIGSERIAL",
    "SMALLSERIAL",
    "SERIAL2",
    "SERIAL4",
    "SERIAL8",
];

/// What the statement does to a table that exists.
#[must_use]
pub fn alter_table(alter: &ast::AlterTable, engine: Engine, fresh: &mut Fresh) -> Vec<Breach> {
    let table_key = key(&alter.name, engine);
    let renamed = alter
        .operations
        .iter()
        .find_map(|operation| match operation {
            AlterTableOperation::RenameTable {
                table_name: RenameTableNameKind::As(name) | RenameTableNameKind::To(name),
            } => Some(name),
            _ => None,
        });
    let is_fresh = fresh.has_table(&table_key);
    if let Some(name) = renamed {
        fresh.rename_table(&table_key, sibling(&alter.name, name, engine));
    }
    if is_fresh {
        return on_fresh(alter, engine);
    }
    let table = shown(&alter.name);
    let mut all: Vec<Breach> = alter
        .operations
        .iter()
        .flat_map(|operation| of_operation(operation, &table, engine, fresh))
        .collect();
    if engine == Engine::MySQL
        && !is_declared_online(&alter.operations)
        && !is_only_rename(&alter.operations)
    {
        all.push(Breach::new(
            Rule::AlterMySql,
            format!("ALTER TABLE may copy {table} and block writes; with ALGORITHM=INSTANT, or INPLACE and LOCK=NONE, the server refuses to"),
        ));
    }
    all
}

/// PostgreSQL's RENAME TO stays in the schema of the table.
fn sibling(old: &ast::ObjectName, new: &ast::ObjectName, engine: Engine) -> String {
    let new_key = key(new, engine);
    match key(old, engine).rsplit_once('.') {
        Some((schema, _)) if engine == Engine::PostgreSQL => format!("{schema}.{new_key}"),
        _ => new_key,
    }
}

/// On a table of these files only what runs unknown code matters.
fn on_fresh(alter: &ast::AlterTable, engine: Engine) -> Vec<Breach> {
    let swaps = |operation: &AlterTableOperation| {
        matches!(
            operation,
            AlterTableOperation::AddColumn { .. }
                | AlterTableOperation::AddConstraint { .. }
                | AlterTableOperation::AlterColumn { .. }
        )
    };
    let texts: Vec<String> = alter
        .operations
        .iter()
        .filter(|operation| swaps(operation))
        .flat_map(expressions)
        .collect();
    unknown_call(&texts.join(", "), engine)
        .into_iter()
        .collect()
}

fn of_operation(
    operation: &AlterTableOperation,
    table: &str,
    engine: Engine,
    fresh: &Fresh,
) -> Vec<Breach> {
    let mut all: Vec<Breach> = unknown_call(&expressions(operation).join(", "), engine)
        .into_iter()
        .collect();
    let breach = match operation {
        AlterTableOperation::DropColumn { column_names, .. } => {
            let names: Vec<String> = column_names.iter().map(shown).collect();
            Some(Breach::new(
                Rule::DropColumn,
                format!("DROP COLUMN loses {} of {table}", names.join(", ")),
            ))
        }
        AlterTableOperation::DropPartitions { .. } => Some(Breach::new(
            Rule::DropTable,
            format!("DROP PARTITION loses rows of {table}"),
        )),
        AlterTableOperation::AddConstraint {
            constraint,
            not_valid,
        } => add_constraint(constraint, *not_valid, table, engine),
        AlterTableOperation::AddColumn { column_def, .. } => add_column(column_def, table, engine),
        AlterTableOperation::AlterColumn { column_name, op } => {
            alter_column(&shown(column_name), op, table, engine)
        }
        AlterTableOperation::ModifyColumn { col_name, .. } => {
            Some(changes_type(&shown(col_name), table))
        }
        AlterTableOperation::ChangeColumn {
            old_name, new_name, ..
        } if old_name != new_name => {
            all.push(changes_type(&shown(old_name), table));
            Some(renames(&format!("column {} of {table}", shown(old_name))))
        }
        AlterTableOperation::ChangeColumn { old_name, .. } => {
            Some(changes_type(&shown(old_name), table))
        }
        AlterTableOperation::RenameColumn {
            old_column_name, ..
        } => Some(renames(&format!(
            "column {} of {table}",
            shown(old_column_name)
        ))),
        AlterTableOperation::RenameTable { .. } => Some(renames(table)),
        AlterTableOperation::SetLogged | AlterTableOperation::SetUnlogged => Some(Breach::new(
            Rule::Rewrites,
            format!("SET LOGGED or UNLOGGED writes {table} anew and locks it meanwhile"),
        )),
        AlterTableOperation::AttachPartitionOf { partition, .. }
            if !fresh.has_table(&key(partition, engine)) =>
        {
            Some(Breach::new(
                Rule::AddConstraint,
                format!(
                    "ATTACH PARTITION reads all of {} and locks it meanwhile",
                    shown(partition)
                ),
            ))
        }
        AlterTableOperation::DetachPartitionOf { mode, .. }
            if *mode != Some(DetachPartitionMode::Concurrently) =>
        {
            Some(Breach::new(
                Rule::Locks,
                format!("DETACH PARTITION locks {table}; CONCURRENTLY would not"),
            ))
        }
        // Each takes its lock for a moment only; what MySQL's do is told once for the whole statement.
        AlterTableOperation::AttachPartitionOf { .. }
        | AlterTableOperation::DetachPartitionOf { .. }
        | AlterTableOperation::Algorithm { .. }
        | AlterTableOperation::AutoIncrement { .. }
        | AlterTableOperation::DisableRowLevelSecurity
        | AlterTableOperation::DisableRule { .. }
        | AlterTableOperation::DisableTrigger { .. }
        | AlterTableOperation::DropConstraint { .. }
        | AlterTableOperation::DropForeignKey { .. }
        | AlterTableOperation::DropIndex { .. }
        | AlterTableOperation::DropPrimaryKey { .. }
        | AlterTableOperation::EnableAlwaysRule { .. }
        | AlterTableOperation::EnableAlwaysTrigger { .. }
        | AlterTableOperation::EnableReplicaRule { .. }
        | AlterTableOperation::EnableReplicaTrigger { .. }
        | AlterTableOperation::EnableRowLevelSecurity
        | AlterTableOperation::EnableRule { .. }
        | AlterTableOperation::EnableTrigger { .. }
        | AlterTableOperation::ForceRowLevelSecurity
        | AlterTableOperation::Inherit { .. }
        | AlterTableOperation::Lock { .. }
        | AlterTableOperation::NoForceRowLevelSecurity
        | AlterTableOperation::NoInherit { .. }
        | AlterTableOperation::OwnerTo { .. }
        | AlterTableOperation::RenameConstraint { .. }
        | AlterTableOperation::ReplicaIdentity { .. }
        | AlterTableOperation::ResetOptions { .. }
        | AlterTableOperation::SetOptionsParens { .. }
        | AlterTableOperation::ValidateConstraint { .. } => None,
        _ => Some(Breach::unreadable(format!(
            "what it changes of {table} is not known to be harmless"
        ))),
    };
    all.extend(breach);
    all
}

fn renames(what: &str) -> Breach {
    Breach::new(
        Rule::Renames,
        format!("RENAME of {what}: the program that runs now still uses the old name"),
    )
}

fn add_constraint(
    constraint: &TableConstraint,
    not_valid: bool,
    table: &str,
    engine: Engine,
) -> Option<Breach> {
    // MySQL's own rule covers it.
    if engine == Engine::MySQL {
        return None;
    }
    let advice = match constraint {
        TableConstraint::ForeignKey(_) | TableConstraint::Check(_) if not_valid => return None,
        TableConstraint::PrimaryKeyUsingIndex(_) | TableConstraint::UniqueUsingIndex(_) => {
            return None;
        }
        TableConstraint::ForeignKey(_) | TableConstraint::Check(_) => {
            "NOT VALID, and VALIDATE CONSTRAINT later, would not"
        }
        TableConstraint::PrimaryKey(_) | TableConstraint::Unique(_) => {
            "CREATE UNIQUE INDEX CONCURRENTLY, and USING INDEX, would not"
        }
        _ => "there is no form that would not",
    };
    Some(Breach::new(
        Rule::AddConstraint,
        format!("ADD CONSTRAINT reads all of {table} and blocks writes meanwhile; {advice}"),
    ))
}

fn add_column(column: &ColumnDef, table: &str, engine: Engine) -> Option<Breach> {
    if engine == Engine::MySQL {
        return None;
    }
    let name = shown(&column.name);
    let type_name = column.data_type.to_string().to_ascii_uppercase();
    if SERIAL.contains(&type_name.as_str()) {
        return Some(Breach::new(
            Rule::AddColumn,
            format!("ADD COLUMN {name} {type_name} writes {table} anew and locks it meanwhile"),
        ));
    }
    let option = column
        .options
        .iter()
        .find_map(|option| match &option.option {
            ColumnOption::Null
            | ColumnOption::NotNull
            | ColumnOption::Comment(_)
            | ColumnOption::Collation(_) => None,
            ColumnOption::Default(value) => call_in(&value.to_string(), engine, calls::volatile)
                .map(|call| format!("with a value of {} for each row", shown(&call))),
            ColumnOption::PrimaryKey(_) | ColumnOption::Unique(_) => {
                Some("with an index".to_owned())
            }
            ColumnOption::ForeignKey(_) | ColumnOption::Check(_) => {
                Some("with a constraint".to_owned())
            }
            _ => Some("with a value for each row".to_owned()),
        })?;
    Some(Breach::new(
        Rule::AddColumn,
        format!(
            "ADD COLUMN {name} {option} reads or writes all of {table} and locks it meanwhile; add it plain, then fill it"
        ),
    ))
}

fn alter_column(
    column: &str,
    operation: &AlterColumnOperation,
    table: &str,
    engine: Engine,
) -> Option<Breach> {
    match operation {
        AlterColumnOperation::SetNotNull if engine == Engine::PostgreSQL => Some(Breach::new(
            Rule::SetNotNull,
            format!(
                "SET NOT NULL reads all of {table} and locks it meanwhile; a valid CHECK ({column} IS NOT NULL) before it spares that"
            ),
        )),
        AlterColumnOperation::SetDataType {
            data_type, using, ..
        } if using.is_none() && is_wide(data_type) => Some(Breach::new(
            Rule::ChangesType,
            format!("TYPE of column {column} may write {table} anew and lock it meanwhile"),
        )),
        AlterColumnOperation::SetDataType { .. } => Some(changes_type(column, table)),
        _ => None,
    }
}

fn changes_type(column: &str, table: &str) -> Breach {
    Breach::new(
        Rule::NarrowsType,
        format!("another type of column {column} may cut its values, and writes {table} anew"),
    )
}

/// Types that hold whatever was there.
fn is_wide(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Text
            | DataType::BigInt(None)
            | DataType::JSONB
            | DataType::Varchar(None)
            | DataType::Numeric(ast::ExactNumberInfo::None)
    )
}

/// What the operation computes.
fn expressions(operation: &AlterTableOperation) -> Vec<String> {
    match operation {
        AlterTableOperation::AddColumn { column_def, .. } => column_def
            .options
            .iter()
            .filter_map(|option| match &option.option {
                ColumnOption::Default(value) => Some(value.to_string()),
                ColumnOption::Generated {
                    generation_expr, ..
                } => generation_expr.as_ref().map(ToString::to_string),
                ColumnOption::Check(check) => Some(check.expr.to_string()),
                _ => None,
            })
            .collect(),
        AlterTableOperation::AddConstraint {
            constraint: TableConstraint::Check(check),
            ..
        } => vec![check.expr.to_string()],
        AlterTableOperation::AlterColumn {
            op:
                AlterColumnOperation::SetDataType {
                    using: Some(using), ..
                },
            ..
        } => vec![using.to_string()],
        _ => Vec::new(),
    }
}

fn unknown_call(text: &str, engine: Engine) -> Option<Breach> {
    call_in(text, engine, calls::unknown)
        .map(|name| Breach::unreadable(format!("it calls {}, which is not read", shown(&name))))
}

/// The first call in an expression of the kind that is sought.
pub fn call_in(
    text: &str,
    engine: Engine,
    sought: fn(&[TokenWithSpan]) -> Option<String>,
) -> Option<String> {
    let (statements, broken) = words::statements(text, engine);
    if broken.is_some() {
        return Some("something".to_owned());
    }
    statements
        .iter()
        .find_map(|statement| sought(&statement.tokens))
}

/// Whether MySQL is told to refuse what it cannot do beside the work of others.
#[must_use]
pub fn is_declared_online(operations: &[AlterTableOperation]) -> bool {
    let algorithm = operations.iter().find_map(|operation| match operation {
        AlterTableOperation::Algorithm { algorithm, .. } => Some(algorithm),
        _ => None,
    });
    let lock = operations.iter().find_map(|operation| match operation {
        AlterTableOperation::Lock { lock, .. } => Some(lock),
        _ => None,
    });
    match algorithm {
        Some(AlterTableAlgorithm::Instant) => true,
        Some(AlterTableAlgorithm::Inplace) => matches!(lock, Some(AlterTableLock::None)),
        _ => false,
    }
}

fn is_only_rename(operations: &[AlterTableOperation]) -> bool {
    operations.iter().all(|operation| {
        matches!(
            operation,
            AlterTableOperation::RenameTable { .. } | AlterTableOperation::RenameColumn { .. }
        )
    })
}
