//! Parquet: a row a message, with its payload as it is stored and, beside it, what the payload says of itself.

use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use events::{LogId, Position, Shard, Timestamp};
use parquet::basic::{Compression, GzipLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{ChunkReader, FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::record::{Field, Row as Read};
use parquet::schema::parser::parse_message_type;
use serde_json::Value;

use super::{ContentError, Held, leaf};
use crate::record::Members;

/// `payload` is the message; all else follows from it, from `subject` and from the file's place in the log, but for
/// `unreadable`: why nobody obeys the message.
const SCHEMA: &str = "
message keyledger_events {
    REQUIRED INT64 sequence;
    REQUIRED BYTE_ARRAY position (UTF8);
    REQUIRED BYTE_ARRAY subject (UTF8);
    OPTIONAL INT64 time (TIMESTAMP(MILLIS,true));
    OPTIONAL BYTE_ARRAY id (UTF8);
    OPTIONAL BYTE_ARRAY type (UTF8);
    OPTIONAL INT32 schemaversion;
    OPTIONAL BYTE_ARRAY organization (UTF8);
    OPTIONAL BYTE_ARRAY aggregatetype (UTF8);
    OPTIONAL BYTE_ARRAY aggregateid (UTF8);
    OPTIONAL BYTE_ARRAY previousid (UTF8);
    OPTIONAL BYTE_ARRAY actor (UTF8);
    OPTIONAL BYTE_ARRAY commandid (UTF8);
    OPTIONAL BYTE_ARRAY data (UTF8);
    OPTIONAL BYTE_ARRAY unreadable (UTF8);
    REQUIRED BYTE_ARRAY payload;
}";

/// The members that are columns of text, between `schemaversion` and `data`.
const MEMBERS: [&str; 6] =
    ["organization", "aggregatetype", "aggregateid", "previousid", "actor", "commandid"];

/// Rows of one group, and bytes of payloads in one.
const GROUP: usize = 10_000;
const GROUP_BYTES: usize = 16 * 1024 * 1024;

/// A message's row.
#[derive(Clone, PartialEq, Debug)]
struct Row {
    sequence: i64,
    position: String,
    subject: String,
    time: Option<i64>,
    id: Option<String>,
    kind: Option<String>,
    schemaversion: Option<i32>,
    members: [Option<String>; MEMBERS.len()],
    data: Option<String>,
    unreadable: Option<String>,
    payload: Bytes,
}

impl Row {
    fn of(log: LogId, sequence: u64, subject: &str, payload: &Bytes, unreadable: Option<&str>) -> Self {
        let members = Members::of(payload);
        let text = |name: &str| members.text(name).map(str::to_owned);
        let time = members.text("time").and_then(|time| time.parse::<Timestamp>().ok());
        let version = members.get("schemaversion").and_then(Value::as_i64);
        Self {
            sequence: sequence.cast_signed(),
            position: Position { log, shard: Shard::ZERO, sequence }.to_string(),
            subject: subject.to_owned(),
            time: time.map(Timestamp::unix_millis),
            id: text("id"),
            kind: text("type"),
            schemaversion: version.and_then(|version| i32::try_from(version).ok()),
            members: MEMBERS.map(text),
            data: members.get("data").map(Value::to_string),
            unreadable: unreadable.map(str::to_owned),
            payload: payload.clone(),
        }
    }

    /// Whether what was read is this row, column by column.
    fn is(&self, read: &Read) -> bool {
        let text = |text: &Option<String>| text.clone().map_or(Field::Null, Field::Str);
        let mut columns = vec![
            Field::Long(self.sequence),
            Field::Str(self.position.clone()),
            Field::Str(self.subject.clone()),
            self.time.map_or(Field::Null, Field::TimestampMillis),
            text(&self.id),
            text(&self.kind),
            self.schemaversion.map_or(Field::Null, Field::Int),
        ];
        columns.extend(self.members.iter().map(text));
        columns.extend([text(&self.data), text(&self.unreadable)]);
        columns.push(Field::Bytes(self.payload.to_vec().into()));
        read.len() == columns.len() && read.get_column_iter().map(|(_, field)| field).eq(columns.iter())
    }
}

/// Writes rows, a group at a time.
pub struct Writer<W: Write + Send> {
    log: LogId,
    file: SerializedFileWriter<W>,
    rows: Vec<Row>,
    bytes: usize,
}

impl<W: Write + Send> Writer<W> {
    pub fn new(log: LogId, out: W) -> Result<Self, ContentError> {
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::GZIP(GzipLevel::default()))
            // Readers skip rows by them, and nothing proves them.
            .set_statistics_enabled(EnabledStatistics::None)
            .set_offset_index_disabled(true)
            .set_created_by(concat!("keyledger ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let file = SerializedFileWriter::new(out, schema, Arc::new(properties))?;
        Ok(Self { log, file, rows: Vec::new(), bytes: 0 })
    }

    pub fn push(
        &mut self,
        sequence: u64,
        subject: &str,
        payload: &Bytes,
        problem: Option<&str>,
    ) -> Result<(), ContentError> {
        self.rows.push(Row::of(self.log, sequence, subject, payload, problem));
        self.bytes += payload.len();
        if self.rows.len() >= GROUP || self.bytes >= GROUP_BYTES { self.flush() } else { Ok(()) }
    }

    pub fn finish(mut self) -> Result<W, ContentError> {
        self.flush()?;
        Ok(self.file.into_inner()?)
    }

    fn flush(&mut self) -> Result<(), ContentError> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if rows.is_empty() {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        let bytes = |text: &String| ByteArray::from(text.as_str());
        required::<Int64Type, _>(&mut group, rows.iter().map(|row| row.sequence))?;
        required::<ByteArrayType, _>(&mut group, rows.iter().map(|row| bytes(&row.position)))?;
        required::<ByteArrayType, _>(&mut group, rows.iter().map(|row| bytes(&row.subject)))?;
        optional::<Int64Type, _>(&mut group, rows.iter().map(|row| row.time))?;
        optional::<ByteArrayType, _>(&mut group, rows.iter().map(|row| row.id.as_ref().map(bytes)))?;
        optional::<ByteArrayType, _>(&mut group, rows.iter().map(|row| row.kind.as_ref().map(bytes)))?;
        optional::<Int32Type, _>(&mut group, rows.iter().map(|row| row.schemaversion))?;
        for at in 0..MEMBERS.len() {
            let column = rows.iter().map(|row| row.members.get(at)?.as_ref().map(bytes));
            optional::<ByteArrayType, _>(&mut group, column)?;
        }
        optional::<ByteArrayType, _>(&mut group, rows.iter().map(|row| row.data.as_ref().map(bytes)))?;
        optional::<ByteArrayType, _>(&mut group, rows.iter().map(|row| row.unreadable.as_ref().map(bytes)))?;
        required::<ByteArrayType, _>(
            &mut group,
            rows.iter().map(|row| ByteArray::from(row.payload.clone())),
        )?;
        group.close()?;
        Ok(())
    }
}

/// A column without gaps.
fn required<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = T::T>,
) -> Result<(), ContentError> {
    write::<T, W>(group, values.collect(), None)
}

/// A column with gaps: 1 says that there is a value.
fn optional<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ContentError> {
    let values: Vec<_> = values.collect();
    let levels = values.iter().map(|value| i16::from(value.is_some())).collect();
    write::<T, W>(group, values.into_iter().flatten().collect(), Some(levels))
}

fn write<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: Vec<T::T>,
    levels: Option<Vec<i16>>,
) -> Result<(), ContentError> {
    let Some(mut column) = group.next_column()? else {
        return Err(parquet::errors::ParquetError::General("the schema has fewer columns".to_owned()).into());
    };
    let _: &ColumnWriter<'_> = column.untyped();
    column.typed::<T>().write_batch(&values, levels.as_deref(), None)?;
    column.close()?;
    Ok(())
}

/// The library panics on some files that were made to be wrong.
pub fn read(
    file: impl ChunkReader + 'static,
    log: LogId,
    first: u64,
    tell: &mut dyn FnMut(Held),
) -> Result<(), ContentError> {
    std::panic::catch_unwind(AssertUnwindSafe(|| rows(file, log, first, tell)))
        .unwrap_or(Err(ContentError::Damaged))
}

fn rows(
    file: impl ChunkReader + 'static,
    log: LogId,
    first: u64,
    tell: &mut dyn FnMut(Held),
) -> Result<(), ContentError> {
    let reader = SerializedFileReader::new(file)?;
    let schema = parse_message_type(SCHEMA)?;
    if *reader.metadata().file_metadata().schema() != schema {
        return Err(ContentError::Row(0));
    }
    let skips = |column: &ColumnChunkMetaData| {
        column.statistics().is_some()
            || column.column_index_offset().is_some()
            || column.offset_index_offset().is_some()
            || column.bloom_filter_offset().is_some()
    };
    if reader.metadata().row_groups().iter().any(|group| group.columns().iter().any(skips)) {
        return Err(ContentError::Index);
    }
    for (number, row) in (0..).zip(reader.get_row_iter(None)?) {
        let wrong = || ContentError::Row(number + 1);
        let row = row?;
        let fields: Vec<&Field> = row.get_column_iter().map(|(_, field)| field).collect();
        let (Some(Field::Str(subject)), [.., unreadable, Field::Bytes(payload)]) = (fields.get(2), &*fields)
        else {
            return Err(wrong());
        };
        let unreadable = if let Field::Str(reason) = unreadable { Some(reason.as_str()) } else { None };
        let payload = Bytes::copy_from_slice(payload.data());
        if !Row::of(log, first + number, subject, &payload, unreadable).is(&row) {
            return Err(wrong());
        }
        tell(Held { leaf: leaf(subject, &payload), is_marked: unreadable.is_some() });
    }
    Ok(())
}
