import java.io.DataInputStream;
import java.io.OutputStream;
import java.math.BigInteger;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/**
 * Sends a KMIP message over TLS, with the key store and the trust store that the system properties name, and prints the
 * answer in hexadecimal. The server's name is compared with its certificate.
 *
 * <pre>java @java.args Exchange.java HOST PORT MESSAGE</pre>
 */
public class Exchange {
    /** Tag, type and length. */
    private static final int HEADER = 8;

    public static void main(String[] arguments) throws Exception {
        String host = arguments[0];
        int port = Integer.parseInt(arguments[1]);
        try (SSLSocket socket = (SSLSocket) SSLSocketFactory.getDefault().createSocket(host, port)) {
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            socket.setSSLParameters(parameters);
            OutputStream out = socket.getOutputStream();
            out.write(bytes(arguments[2]));
            out.flush();
            System.out.println(hex(message(new DataInputStream(socket.getInputStream()))));
        }
    }

    private static byte[] message(DataInputStream in) throws Exception {
        byte[] header = new byte[HEADER];
        in.readFully(header);
        int length = new BigInteger(1, java.util.Arrays.copyOfRange(header, 4, HEADER)).intValueExact();
        byte[] message = java.util.Arrays.copyOf(header, HEADER + length);
        in.readFully(message, HEADER, length);
        return message;
    }

    private static byte[] bytes(String hex) {
        byte[] bytes = new byte[hex.length() / 2];
        for (int i = 0; i < bytes.length; i++)
            bytes[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
        return bytes;
    }

    private static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte each : bytes) text.append(String.format("%02x", each));
        return text.toString();
    }
}
