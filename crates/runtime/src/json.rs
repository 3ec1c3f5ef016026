//! JSON bodies by the rule that clients of Dapr rely on: the names of a structure's fields match in any case. Official
//! SDKs write `entryID` or `pubsubName` where the documentation says `entryId` and `pubsubname`. The names in maps
//! (metadata, secrets) are data and stay as they are. The API and the application's answers are read with it.

use std::fmt;

use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

/// Reads a whole text.
///
/// # Errors
/// When it is no JSON, or not of this shape.
pub fn from_slice<'de, T: Deserialize<'de>>(text: &'de [u8]) -> serde_json::Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = T::deserialize(AnyCase(&mut reader))?;
    reader.end()?;
    Ok(value)
}

/// A reader whose structures, at any depth of lists and structures, take their fields in any case.
struct AnyCase<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for AnyCase<D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, Within { fields, visitor })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_seq(Within { fields: &[], visitor })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(Within { fields: &[], visitor })
    }

    // A raw value asks for its text this way.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_ignored_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple
        tuple_struct map enum identifier
    }
}

/// The parts of a structure, a list or a value that may be absent.
struct Within<V> {
    fields: &'static [&'static str],
    visitor: V,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Within<V> {
    type Value = V::Value;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(to)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Fields { map, fields: self.fields })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_seq(Items(items))
    }

    fn visit_some<D: Deserializer<'de>>(self, reader: D) -> Result<V::Value, D::Error> {
        self.visitor.visit_some(AnyCase(reader))
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.visitor.visit_unit()
    }
}

struct Items<A>(A);

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Items<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.0.next_element_seed(Part(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

struct Fields<A> {
    map: A,
    fields: &'static [&'static str],
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Fields<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.map.next_key_seed(Name { fields: self.fields, seed })
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.map.next_value_seed(Part(seed))
    }
}

/// An element, or a field's value.
struct Part<S>(S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Part<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(AnyCase(reader))
    }
}

/// A field's name: of those that only differ in case, the one that is written so.
struct Name<S> {
    fields: &'static [&'static str],
    seed: S,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Name<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<S::Value, D::Error> {
        reader.deserialize_identifier(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for Name<S> {
    type Value = S::Value;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a field's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<S::Value, E> {
        let fields = self.fields.iter();
        let known =
            fields.filter(|field| field.eq_ignore_ascii_case(name)).max_by_key(|field| **field == name);
        self.seed.deserialize(StrDeserializer::new(known.copied().unwrap_or(name)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Message {
        entry_id: String,
        event: Value,
        raw: Option<Box<RawValue>>,
        metadata: Option<BTreeMap<String, String>>,
        parts: Vec<Message>,
        count: i64,
    }

    #[test]
    fn names_of_fields_match_in_any_case_at_any_depth() {
        let text = br#"[{"entryID":"1","COUNT":-3,"unknown":[{}],"Parts":[{"ENTRYID":"2"}]}]"#;
        let messages: Vec<Message> = from_slice(text).unwrap();
        assert_eq!(messages[0].entry_id, "1");
        assert_eq!(messages[0].count, -3);
        assert_eq!(messages[0].parts[0].entry_id, "2");
    }

    #[test]
    fn names_that_are_data_stay_as_they_are() {
        let text = br#"{"event":{"ID":1,"id":2},"raw":{"Key" :[1]},"metadata":{"TTL":"1","ttl":"2"}}"#;
        let message: Message = from_slice(text).unwrap();
        assert_eq!(message.event, serde_json::json!({"ID": 1, "id": 2}));
        assert_eq!(message.raw.unwrap().get(), r#"{"Key" :[1]}"#);
        assert_eq!(message.metadata.unwrap().len(), 2);
    }

    #[test]
    fn null_is_absent_and_errors_say_where() {
        let message: Message = from_slice(br#"{"metadata":null}"#).unwrap();
        assert_eq!(message.metadata, None);
        let error = from_slice::<Message>(br#"{"entryId":1}"#).unwrap_err().to_string();
        assert_eq!(error, "invalid type: integer `1`, expected a string at line 1 column 12");
        let error = from_slice::<Message>(b"{} x").unwrap_err().to_string();
        assert_eq!(error, "trailing characters at line 1 column 4");
    }
}
