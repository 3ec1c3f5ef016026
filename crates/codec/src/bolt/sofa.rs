//! The method of a call where SOFARPC's clients tell it nowhere else: sofa-rpc-node writes it only into the content when
//! that is Hessian 2, as the first field of a `SofaRequest`. What is not as expected there has no method.

use crate::http1::Span;

const CLASS: &[u8] = b"com.alipay.sofa.rpc.core.request.SofaRequest";
const FIRST_FIELD: &[u8] = b"methodName";
/// More fields than the class has had in any version.
const MOST_FIELDS: usize = 32;

/// Where the method's name stands in the content of a request of this class.
pub(super) fn method(class: &[u8], content: &[u8]) -> Option<Span> {
    if class != CLASS {
        return None;
    }
    let mut read = Read { content, at: 0 };
    // A definition ("O", class, number of fields, their names), then an object of it ("o", number of the definition).
    read.expect(b'O')?;
    let len = read.int()?;
    if read.take(len)?.slice(content) != CLASS {
        return None;
    }
    let fields = read.int().filter(|fields| (1..=MOST_FIELDS).contains(fields))?;
    if read.string()?.slice(content) != FIRST_FIELD {
        return None;
    }
    for _ in 1..fields {
        read.string()?;
    }
    read.expect(b'o')?;
    read.int()?;
    read.string()
}

struct Read<'a> {
    content: &'a [u8],
    at: usize,
}

impl Read<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = self.content.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.byte()? == byte).then_some(())
    }

    fn take(&mut self, len: usize) -> Option<Span> {
        self.content.get(self.at..)?.get(..len)?;
        let span = Span::new(self.at, len);
        self.at += len;
        Some(span)
    }

    /// A number of one or two bytes.
    fn int(&mut self) -> Option<usize> {
        let first = usize::from(self.byte()?);
        match first {
            0x90..=0xbf => Some(first - 0x90),
            0xc8..=0xcf => Some((first - 0xc8) << 8 | usize::from(self.byte()?)),
            _ => None,
        }
    }

    /// A string of ASCII alone, whose length in characters is that in bytes.
    fn string(&mut self) -> Option<Span> {
        let len = match self.byte()? {
            short @ 0..=0x1f => usize::from(short),
            b'S' => usize::from(self.byte()?) << 8 | usize::from(self.byte()?),
            _ => return None,
        };
        self.take(len).filter(|span| span.slice(self.content).is_ascii())
    }
}
