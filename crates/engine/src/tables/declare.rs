//! From a table as it is declared to the one in the database.
//!
//! Whatever would change what is stored is refused; what is missing is added.

use dynoxide::actions::TableDescription;
use dynoxide::actions::create_table::{CreateTableRequest, StreamSpecification};
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::actions::describe_time_to_live::DescribeTimeToLiveRequest;
use dynoxide::actions::update_table::{CreateGsiAction, GlobalSecondaryIndexUpdate, UpdateTableRequest};
use dynoxide::actions::update_time_to_live::{TimeToLiveSpecification, UpdateTimeToLiveRequest};
use dynoxide::types::{
    AttributeDefinition, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection as Projected,
    ProjectionType, ScalarAttributeType,
};
use dynoxide::{Database, DynoxideError};
use lambent_core::Table;
use lambent_core::table::{Attribute, AttributeKind, Projection, StreamView, TableIndex, TableKey};

use super::{Changed, Error};

const OTHER_KEY: &str = "a table's key cannot change, so declare the old key or take another name";
const OTHER_KIND: &str = "the values of an attribute in keys are of one kind, so declare the old kind";
const OTHER_INDEX: &str = "an index cannot change, so declare it as it is, or give the new one another name";
const OTHER_TTL: &str = "items would be removed by another attribute, so declare the old one, or first disable it with UpdateTimeToLive";
const OTHER_STREAM: &str = "who reads the stream would find other records, so declare it as it is, or first disable it with UpdateTable";

/// Sees to it that a table as declared is there.
pub(super) fn ensure(database: &Database, table: &Table) -> Result<(), Error> {
    let create = |source| Error::Create { table: table.name.clone(), source };
    // Creating first leaves no gap in which another could create it.
    match database.create_table(creation(table)) {
        Ok(_) => {}
        Err(DynoxideError::ResourceInUseException(_)) => {
            let request = DescribeTableRequest { table_name: table.name.clone() };
            let kept = database.describe_table(request).map_err(create)?.table;
            check(table, &kept)?;
            check_ttl(database, table)?;
            complete(database, table, &kept)?;
        }
        Err(source) => return Err(create(source)),
    }
    if let Some(attribute) = &table.ttl {
        let specification = TimeToLiveSpecification { attribute_name: attribute.clone(), enabled: true };
        let request = UpdateTimeToLiveRequest {
            table_name: table.name.clone(),
            time_to_live_specification: specification,
        };
        database.update_time_to_live(request).map_err(create)?;
    }
    Ok(())
}

/// Whether what the database has is as declared, as far as it has it.
fn check(table: &Table, kept: &TableDescription) -> Result<(), Error> {
    let same = |part: &str, kept: String, declared: String, remedy| {
        if kept == declared {
            return Ok(());
        }
        let (table, part) = (table.name.clone(), part.to_owned());
        Err(Error::Changed(Box::new(Changed { table, part, kept, declared, remedy })))
    };
    let definitions = &kept.attribute_definitions;
    same("the key", key_kept(&kept.key_schema, definitions), table.key.to_string(), OTHER_KEY)?;
    for index in &table.indexes {
        let name = |name: &str| name == index.name;
        let globals = kept.global_secondary_indexes.iter().flatten();
        let locals = kept.local_secondary_indexes.iter().flatten();
        let found = globals
            .map(|i| (&i.index_name, &i.key_schema, &i.projection))
            .chain(locals.map(|i| (&i.index_name, &i.key_schema, &i.projection)))
            .find(|(kept, _, _)| name(kept));
        if let Some((_, schema, projection)) = found {
            let part = format!("the index `{}` by", index.name);
            let kept = format!("{} with {}", key_kept(schema, definitions), projection_kept(projection));
            same(&part, kept, format!("{} with {}", index.key, sorted(&index.projection)), OTHER_INDEX)?;
        }
    }
    for attribute in attributes(table) {
        if let Some(kept) = definitions.iter().find(|kept| kept.attribute_name == attribute.name) {
            let kept = format!("{} ({})", kept.attribute_name, kind_kept(Some(kept)));
            same("the attribute", kept, attribute.to_string(), OTHER_KIND)?;
        }
    }
    let stream = kept.stream_specification.as_ref().filter(|stream| stream.stream_enabled);
    if let (Some(declared), Some(kept)) = (table.stream, stream) {
        let kept = kept.stream_view_type.clone().unwrap_or_default();
        same("the stream of", kept, view(declared).to_owned(), OTHER_STREAM)?;
    }
    Ok(())
}

fn check_ttl(database: &Database, table: &Table) -> Result<(), Error> {
    let Some(declared) = &table.ttl else { return Ok(()) };
    let request = DescribeTimeToLiveRequest { table_name: table.name.clone() };
    let described = database
        .describe_time_to_live(request)
        .map_err(|source| Error::Create { table: table.name.clone(), source })?;
    match described.time_to_live_description.attribute_name {
        Some(kept) if kept != *declared => Err(Error::Changed(Box::new(Changed {
            table: table.name.clone(),
            part: "the removal of items by".to_owned(),
            kept,
            declared: declared.clone(),
            remedy: OTHER_TTL,
        }))),
        _ => Ok(()),
    }
}

/// Adds the indexes and the stream that a table lacks.
fn complete(database: &Database, table: &Table, kept: &TableDescription) -> Result<(), Error> {
    let add = |part: String, request| {
        let added = database.update_table(request);
        added.map(drop).map_err(|source| Error::Add {
            table: table.name.clone(),
            part,
            source: Box::new(source),
        })
    };
    let request = || UpdateTableRequest { table_name: table.name.clone(), ..UpdateTableRequest::default() };
    for index in &table.indexes {
        let globals = kept.global_secondary_indexes.iter().flatten().map(|kept| &kept.index_name);
        let locals = kept.local_secondary_indexes.iter().flatten().map(|kept| &kept.index_name);
        if globals.chain(locals).any(|name| *name == index.name) {
            continue;
        }
        let create = CreateGsiAction {
            index_name: index.name.clone(),
            key_schema: schema(&index.key),
            projection: projected(&index.projection),
        };
        let update = GlobalSecondaryIndexUpdate { create: Some(create), ..Default::default() };
        let part = format!("the index `{}`", index.name);
        add(
            part,
            UpdateTableRequest {
                attribute_definitions: Some(definitions(index.key.attributes())),
                global_secondary_index_updates: Some(vec![update]),
                ..request()
            },
        )?;
    }
    let streams = kept.stream_specification.as_ref().is_some_and(|stream| stream.stream_enabled);
    if let (Some(declared), false) = (table.stream, streams) {
        let stream_specification = Some(stream(declared));
        add("the stream".to_owned(), UpdateTableRequest { stream_specification, ..request() })?;
    }
    Ok(())
}

fn creation(table: &Table) -> CreateTableRequest {
    let indexes: Vec<_> = table.indexes.iter().map(index).collect();
    CreateTableRequest {
        table_name: table.name.clone(),
        key_schema: schema(&table.key),
        attribute_definitions: definitions(attributes(table)),
        global_secondary_indexes: (!indexes.is_empty()).then_some(indexes),
        stream_specification: table.stream.map(stream),
        billing_mode: Some("PAY_PER_REQUEST".to_owned()),
        ..CreateTableRequest::default()
    }
}

fn index(index: &TableIndex) -> GlobalSecondaryIndex {
    GlobalSecondaryIndex {
        index_name: index.name.clone(),
        key_schema: schema(&index.key),
        projection: projected(&index.projection),
        provisioned_throughput: None,
    }
}

/// Every attribute that is in a key of a table's or of its indexes.
fn attributes(table: &Table) -> impl Iterator<Item = &Attribute> {
    table.key.attributes().chain(table.indexes.iter().flat_map(|index| index.key.attributes()))
}

fn definitions<'a>(attributes: impl Iterator<Item = &'a Attribute>) -> Vec<AttributeDefinition> {
    let mut definitions: Vec<AttributeDefinition> = Vec::new();
    for attribute in attributes {
        if !definitions.iter().any(|known| known.attribute_name == attribute.name) {
            let attribute_type = match attribute.kind {
                AttributeKind::String => ScalarAttributeType::S,
                AttributeKind::Number => ScalarAttributeType::N,
                AttributeKind::Binary => ScalarAttributeType::B,
            };
            definitions.push(AttributeDefinition { attribute_name: attribute.name.clone(), attribute_type });
        }
    }
    definitions
}

fn schema(key: &TableKey) -> Vec<KeySchemaElement> {
    let kinds = [KeyType::HASH, KeyType::RANGE];
    let element = |(attribute, key_type): (&Attribute, KeyType)| KeySchemaElement {
        attribute_name: attribute.name.clone(),
        key_type,
    };
    key.attributes().zip(kinds).map(element).collect()
}

fn projected(projection: &Projection) -> Projected {
    let (kind, names) = match projection {
        Projection::All => (ProjectionType::ALL, None),
        Projection::Keys => (ProjectionType::KEYS_ONLY, None),
        Projection::Keep(names) => (ProjectionType::INCLUDE, Some(names.clone())),
    };
    Projected { projection_type: Some(kind), non_key_attributes: names }
}

fn stream(declared: StreamView) -> StreamSpecification {
    StreamSpecification { stream_enabled: true, stream_view_type: Some(view(declared).to_owned()) }
}

fn view(view: StreamView) -> &'static str {
    match view {
        StreamView::Keys => "KEYS_ONLY",
        StreamView::New => "NEW_IMAGE",
        StreamView::Old => "OLD_IMAGE",
        StreamView::NewAndOld => "NEW_AND_OLD_IMAGES",
    }
}

/// A key of the database's, written as a declared one.
fn key_kept(schema: &[KeySchemaElement], definitions: &[AttributeDefinition]) -> String {
    let of = |wanted: KeyType| {
        let named = |key: &KeySchemaElement| {
            let defined = definitions.iter().find(|def| def.attribute_name == key.attribute_name);
            format!("{} ({})", key.attribute_name, kind_kept(defined))
        };
        let keys = schema.iter().filter(move |key| key.key_type == wanted).map(named);
        keys.collect::<Vec<_>>().join(" and ")
    };
    match of(KeyType::RANGE) {
        sort if sort.is_empty() => of(KeyType::HASH),
        sort => format!("{}, sorted by {sort}", of(KeyType::HASH)),
    }
}

fn kind_kept(definition: Option<&AttributeDefinition>) -> &'static str {
    match definition.map(|definition| &definition.attribute_type) {
        Some(ScalarAttributeType::S) => AttributeKind::String.name(),
        Some(ScalarAttributeType::N) => AttributeKind::Number.name(),
        Some(ScalarAttributeType::B) => AttributeKind::Binary.name(),
        None => "undefined",
    }
}

fn projection_kept(kept: &Projected) -> Projection {
    match kept.projection_type {
        Some(ProjectionType::KEYS_ONLY) => Projection::Keys,
        Some(ProjectionType::INCLUDE) => {
            sorted(&Projection::Keep(kept.non_key_attributes.clone().unwrap_or_default()))
        }
        Some(ProjectionType::ALL) | None => Projection::All,
    }
}

/// The same, with its attributes in order: theirs means nothing.
fn sorted(projection: &Projection) -> Projection {
    let mut projection = projection.clone();
    if let Projection::Keep(names) = &mut projection {
        names.sort();
    }
    projection
}

#[cfg(test)]
mod tests {
    use dynoxide::actions::put_item::PutItemRequest;
    use dynoxide::actions::query::QueryRequest;
    use serde_json::{Value, json};

    use super::super::tests::Folder;
    use super::*;

    fn attribute(name: &str, kind: AttributeKind) -> Attribute {
        Attribute { name: name.to_owned(), kind }
    }

    fn key(partition: &str, sort: Option<&str>) -> TableKey {
        TableKey {
            partition: attribute(partition, AttributeKind::String),
            sort: sort.map(|sort| attribute(sort, AttributeKind::Number)),
        }
    }

    fn table() -> Table {
        Table { name: "Users".to_owned(), key: key("email", None), indexes: vec![], ttl: None, stream: None }
    }

    fn whole() -> Table {
        let projection = Projection::Keep(vec!["b".to_owned(), "a".to_owned()]);
        let index = TableIndex { name: "by-city".to_owned(), key: key("city", Some("at")), projection };
        Table {
            indexes: vec![index],
            ttl: Some("expires".to_owned()),
            stream: Some(StreamView::NewAndOld),
            ..table()
        }
    }

    fn refused(tables: &super::super::Tables, table: &Table) -> String {
        tables.ensure(table).unwrap_err().to_string()
    }

    #[test]
    fn a_table_is_made_once_and_kept() {
        let folder = Folder::new();
        folder.tables().ensure(&whole()).unwrap();
        folder.tables().ensure(&whole()).unwrap();
        // What is no longer declared stays.
        folder.tables().ensure(&table()).unwrap();
        let described = folder
            .tables()
            .database
            .describe_table(DescribeTableRequest { table_name: "Users".to_owned() })
            .unwrap();
        assert_eq!(described.table.global_secondary_indexes.unwrap().len(), 1);
    }

    #[test]
    fn a_table_gets_what_it_lacks_with_the_items_that_are_there() {
        let folder = Folder::new();
        let tables = folder.tables();
        tables.ensure(&table()).unwrap();
        let item =
            json!({ "email": { "S": "a" }, "city": { "S": "x" }, "at": { "N": "3" }, "a": { "S": "1" } });
        let put = json!({ "TableName": "Users", "Item": item });
        tables.database.put_item(serde_json::from_value::<PutItemRequest>(put).unwrap()).unwrap();
        tables.ensure(&whole()).unwrap();
        let query = json!({
            "TableName": "Users", "IndexName": "by-city", "KeyConditionExpression": "city = :c",
            "ExpressionAttributeValues": { ":c": { "S": "x" } },
        });
        let found = tables.database.query(serde_json::from_value::<QueryRequest>(query).unwrap()).unwrap();
        let found: Value = serde_json::to_value(&found).unwrap();
        assert_eq!(found["Items"], json!([item]));
        tables.ensure(&whole()).unwrap();
    }

    #[test]
    fn what_changed_is_refused_with_both_and_what_to_do() {
        let folder = Folder::new();
        let tables = folder.tables();
        tables.ensure(&whole()).unwrap();
        let check = |table: &Table, expect: &str| {
            let text = refused(&tables, table);
            assert!(text.contains(expect), "{text}");
            assert!(text.contains("so declare"), "{text}");
        };
        let other = Table { key: key("id", Some("at")), ..whole() };
        check(
            &other,
            "exists with the key email (string), but the app declares id (string), sorted by at (number):",
        );
        let mut other = whole();
        other.indexes[0].key = key("city", None);
        check(
            &other,
            "the index `by-city` by city (string), sorted by at (number) with the keys and a, b, but",
        );
        let mut other = whole();
        other.indexes[0].projection = Projection::All;
        check(&other, "but the app declares city (string), sorted by at (number) with all attributes");
        let mut other = whole();
        other.indexes[0].name = "by-moment".to_owned();
        other.indexes[0].key.partition = attribute("at", AttributeKind::String);
        other.indexes[0].key.sort = None;
        check(&other, "the attribute at (number), but the app declares at (string)");
        check(&Table { ttl: Some("ends".to_owned()), ..whole() }, "the removal of items by expires, but");
        check(&Table { stream: Some(StreamView::Keys), ..whole() }, "the stream of NEW_AND_OLD_IMAGES, but");
    }
}
