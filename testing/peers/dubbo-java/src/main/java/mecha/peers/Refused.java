package mecha.peers;

/** The exception that the service declares. */
public class Refused extends Exception {
    private static final long serialVersionUID = 1;

    /** Shows that fields of an exception travel too. */
    public int code;

    public Refused() {}

    public Refused(String reason, int code) {
        super(reason);
        this.code = code;
    }
}
