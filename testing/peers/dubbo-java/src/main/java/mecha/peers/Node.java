package mecha.peers;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/** A node of a graph with cycles: on the wire they are back references. */
public class Node implements Serializable {
    private static final long serialVersionUID = 1;

    private String name;
    private Node parent;
    private List<Node> children = new ArrayList<>();

    public Node() {}

    public Node(String name, Node parent) {
        this.name = name;
        this.parent = parent;
        if (parent != null) {
            parent.children.add(this);
        }
    }

    public String getName() {
        return name;
    }

    public void setName(String name) {
        this.name = name;
    }

    public Node getParent() {
        return parent;
    }

    public void setParent(Node parent) {
        this.parent = parent;
    }

    public List<Node> getChildren() {
        return children;
    }

    public void setChildren(List<Node> children) {
        this.children = children;
    }
}
