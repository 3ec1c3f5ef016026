package mecha.peers;

/** An enumeration as an argument. */
public enum Color {
    RED,
    GREEN,
    BLUE
}
