//! DNS messages as far as multicast DNS needs them (RFC 1035 section 4, RFC 6762 section 18): questions, and records of
//! five types. Sans-io; compressed names are read, none are written.

use std::net::{Ipv4Addr, Ipv6Addr};

use bytes::{BufMut, BytesMut};

/// The type of a record, or what a question asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind(pub u16);

impl Kind {
    /// An IPv4 address.
    pub const A: Self = Kind(1);
    /// Another name.
    pub const PTR: Self = Kind(12);
    /// Text.
    pub const TXT: Self = Kind(16);
    /// An IPv6 address.
    pub const AAAA: Self = Kind(28);
    /// Host and port of a service.
    pub const SRV: Self = Kind(33);
    /// In questions: everything.
    pub const ANY: Self = Kind(255);
}

/// A name: its labels, compared in any case.
#[derive(Clone, Debug, Default, Eq)]
pub struct Name(Vec<Box<[u8]>>);

impl Name {
    /// A name of these labels. What is longer than a label may be (63 bytes) is cut.
    pub fn new<'a>(labels: impl IntoIterator<Item = &'a str>) -> Self {
        let label = |text: &str| text.as_bytes().get(..63).unwrap_or(text.as_bytes()).into();
        Name(labels.into_iter().filter(|text| !text.is_empty()).map(label).collect())
    }

    /// Whether it ends in the labels of `other`.
    pub fn ends_with(&self, other: &Name) -> bool {
        let from = self.0.len().checked_sub(other.0.len());
        let tail = from.and_then(|from| self.0.get(from..));
        tail.is_some_and(|tail| tail.iter().zip(&other.0).all(|(a, b)| a.eq_ignore_ascii_case(b)))
    }

    /// How many labels it has.
    pub fn labels(&self) -> usize {
        self.0.len()
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.ends_with(other)
    }
}

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// About this name.
    pub name: Name,
    /// What is asked for.
    pub kind: Kind,
    /// The answer may come by unicast.
    pub unicast: bool,
}

/// A record.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Whose it is.
    pub name: Name,
    /// For so many seconds; 0 = it is no longer true.
    pub ttl: u32,
    /// It is the only one of its sort: others are to be forgotten.
    pub unique: bool,
    /// What it says.
    pub data: Data,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// See [`Kind::A`].
    A(Ipv4Addr),
    /// See [`Kind::AAAA`].
    Aaaa(Ipv6Addr),
    /// See [`Kind::PTR`].
    Ptr(Name),
    /// See [`Kind::SRV`].
    Srv {
        /// Its port.
        port: u16,
        /// Its host.
        target: Name,
    },
    /// See [`Kind::TXT`].
    Txt(Vec<String>),
    /// Something else.
    Other(Kind),
}

/// A message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// Zero, except for those who ask by unicast.
    pub id: u16,
    /// Whether it answers.
    pub response: bool,
    /// Questions.
    pub questions: Vec<Question>,
    /// Records of every section.
    pub records: Vec<Record>,
}

/// A message that can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The bits of the class field that mDNS uses for itself (RFC 6762 section 18.12, 18.13), and the class of the Internet.
const TOP_BIT: u16 = 0x8000;
const INTERNET: u16 = 1;
/// QR and AA.
const RESPONSE_FLAGS: u16 = 0x8400;
/// Most records and questions of a message that are read.
const MOST: usize = 256;
/// Most jumps inside one name.
const MOST_JUMPS: usize = 32;
/// Most bytes of a name, each label with its length and the empty one at the end (RFC 1035 section 2.3.4). Without the
/// bound, names that point at each other would make much of a small datagram.
const LONGEST_NAME: usize = 255;

impl Message {
    /// Reads a datagram.
    ///
    /// # Errors
    /// When it breaks off or points outside itself.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader { bytes, at: 0 };
        let id = reader.u16()?;
        let flags = reader.u16()?;
        let counts = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?].map(usize::from);
        let [questions, records @ ..] = counts;
        let records: usize = records.iter().sum();
        if questions + records > MOST {
            return Err(Malformed);
        }
        Ok(Message {
            id,
            response: flags & TOP_BIT != 0,
            questions: (0..questions).map(|_| reader.question()).collect::<Result<_, _>>()?,
            records: (0..records).map(|_| reader.record()).collect::<Result<_, _>>()?,
        })
    }

    /// As a datagram. Records of a response stand in its answer section.
    pub fn encode(&self) -> BytesMut {
        let mut out = BytesMut::with_capacity(512);
        let count = |length: usize| u16::try_from(length).unwrap_or(u16::MAX);
        out.put_u16(self.id);
        out.put_u16(if self.response { RESPONSE_FLAGS } else { 0 });
        out.put_u16(count(self.questions.len()));
        out.put_u16(count(self.records.len()));
        out.put_u32(0);
        for Question { name, kind, unicast } in &self.questions {
            put_name(name, &mut out);
            out.put_u16(kind.0);
            out.put_u16(INTERNET | if *unicast { TOP_BIT } else { 0 });
        }
        for record in &self.records {
            put_record(record, &mut out);
        }
        out
    }
}

fn put_name(name: &Name, out: &mut BytesMut) {
    for label in &name.0 {
        out.put_u8(u8::try_from(label.len()).unwrap_or_default());
        out.put_slice(label);
    }
    out.put_u8(0);
}

fn put_record(record: &Record, out: &mut BytesMut) {
    put_name(&record.name, out);
    let mut data = BytesMut::new();
    let kind = match &record.data {
        Data::A(ip) => {
            data.put_slice(&ip.octets());
            Kind::A
        }
        Data::Aaaa(ip) => {
            data.put_slice(&ip.octets());
            Kind::AAAA
        }
        Data::Ptr(name) => {
            put_name(name, &mut data);
            Kind::PTR
        }
        Data::Srv { port, target } => {
            // Priority and weight.
            data.put_u32(0);
            data.put_u16(*port);
            put_name(target, &mut data);
            Kind::SRV
        }
        Data::Txt(texts) => {
            for text in texts {
                let text = text.as_bytes().get(..255).unwrap_or(text.as_bytes());
                data.put_u8(u8::try_from(text.len()).unwrap_or_default());
                data.put_slice(text);
            }
            Kind::TXT
        }
        Data::Other(kind) => *kind,
    };
    out.put_u16(kind.0);
    out.put_u16(INTERNET | if record.unique { TOP_BIT } else { 0 });
    out.put_u32(record.ttl);
    out.put_u16(u16::try_from(data.len()).unwrap_or_default());
    out.put_slice(&data);
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let taken = self.bytes.get(self.at..self.at + length).ok_or(Malformed)?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed)
    }

    fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    fn name(&mut self) -> Result<Name, Malformed> {
        let mut labels = Vec::new();
        let (mut jumps, mut after, mut room) = (0, None, LONGEST_NAME - 1);
        loop {
            match self.u8()? {
                0 => break,
                pointer if pointer & 0xc0 == 0xc0 => {
                    let low = self.u8()?;
                    after.get_or_insert(self.at);
                    self.at = usize::from(pointer & 0x3f) << 8 | usize::from(low);
                    jumps += 1;
                    if jumps > MOST_JUMPS {
                        return Err(Malformed);
                    }
                }
                length if length < 64 => {
                    let length = usize::from(length);
                    room = room.checked_sub(1 + length).ok_or(Malformed)?;
                    labels.push(self.take(length)?.into());
                }
                _ => return Err(Malformed),
            }
        }
        self.at = after.unwrap_or(self.at);
        Ok(Name(labels))
    }

    fn question(&mut self) -> Result<Question, Malformed> {
        let (name, kind, class) = (self.name()?, Kind(self.u16()?), self.u16()?);
        Ok(Question { name, kind, unicast: class & TOP_BIT != 0 })
    }

    fn record(&mut self) -> Result<Record, Malformed> {
        let (name, kind, class, ttl) = (self.name()?, Kind(self.u16()?), self.u16()?, self.u32()?);
        let length = usize::from(self.u16()?);
        let end = self.at + length;
        let data = match kind {
            Kind::A => Data::A(self.array::<4>()?.into()),
            Kind::AAAA => Data::Aaaa(self.array::<16>()?.into()),
            Kind::PTR => Data::Ptr(self.name()?),
            Kind::SRV => {
                self.take(4)?;
                Data::Srv { port: self.u16()?, target: self.name()? }
            }
            Kind::TXT => {
                let mut texts = Vec::new();
                while self.at < end {
                    let length = self.u8()?.into();
                    texts.push(String::from_utf8_lossy(self.take(length)?).into_owned());
                }
                Data::Txt(texts)
            }
            other => {
                self.take(length)?;
                Data::Other(other)
            }
        };
        if self.at != end {
            return Err(Malformed);
        }
        Ok(Record { name, ttl, unique: class & TOP_BIT != 0, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text.split('.'))
    }

    #[test]
    fn what_is_written_is_read() {
        let record = |data| Record { name: name("a.local"), ttl: 120, unique: true, data };
        let message = Message {
            id: 7,
            response: true,
            questions: vec![Question { name: name("orders.local"), kind: Kind::PTR, unicast: true }],
            records: vec![
                record(Data::Ptr(name("host:1.orders.local"))),
                record(Data::Srv { port: 50_002, target: name("host.local") }),
                record(Data::Txt(vec!["orders".to_owned(), String::new()])),
                record(Data::A(Ipv4Addr::LOCALHOST)),
                record(Data::Aaaa(Ipv6Addr::LOCALHOST)),
            ],
        };
        let bytes = message.encode();
        assert_eq!(Message::decode(&bytes), Ok(message));
        for cut in 0..bytes.len() {
            assert_eq!(Message::decode(&bytes[..cut]), Err(Malformed), "{cut}");
        }
    }

    /// An answer with compressed names, by hand: PTR of `orders.local`, then SRV of the instance.
    const COMPRESSED: &[u8] = b"\0\0\x84\0\0\0\0\x01\0\0\0\x01\
        \x06orders\x05local\0\0\x0c\0\x01\0\0\0\x78\0\x07\x04inst\xc0\x0c\
        \xc0\x24\0\x21\x80\x01\0\0\0\x78\0\x0a\0\0\0\0\xc3\x52\x01h\xc0\x13";

    #[test]
    fn compressed_names_are_read() {
        let message = Message::decode(COMPRESSED).unwrap();
        assert_eq!(message.records[0].data, Data::Ptr(name("inst.orders.local")));
        assert_eq!(message.records[1].name, name("INST.Orders.local"));
        assert_eq!(message.records[1].data, Data::Srv { port: 50_002, target: name("h.local") });
        assert!(message.records[1].unique && !message.records[0].unique);
    }

    #[test]
    fn a_name_that_points_at_itself_is_malformed() {
        let question = b"\0\0\0\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x0c\0\x01";
        assert_eq!(Message::decode(question), Err(Malformed));
    }

    #[test]
    fn a_name_is_not_longer_than_a_name_may_be() {
        let question = |length: usize| {
            let labels = [[&[63; 1][..], &[b'a'; 63]].concat(), vec![1, b'b']];
            let name = labels.iter().cycle().flatten().take(length).copied().collect::<Vec<_>>();
            [b"\0\0\0\0\0\x01\0\0\0\0\0\0", &*name, b"\0\0\x0c\0\x01"].concat()
        };
        // Three pairs of labels of 66 bytes each, then a long one and, or not, a short one.
        let fits = Message::decode(&question(3 * 66)).unwrap();
        assert_eq!(fits.questions[0].name.labels(), 6);
        assert_eq!(Message::decode(&question(4 * 66)), Err(Malformed));
    }

    #[test]
    fn names_are_compared_by_labels_in_any_case() {
        assert_eq!(name("A.Local."), name("a.local"));
        assert!(name("x.a.local").ends_with(&name("A.local")));
        assert!(!name("xa.local").ends_with(&name("a.local")));
        assert!(!name("local").ends_with(&name("a.local")));
    }
}
