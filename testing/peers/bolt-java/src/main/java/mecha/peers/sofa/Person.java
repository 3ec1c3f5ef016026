package mecha.peers.sofa;

import java.io.Serializable;
import java.util.List;
import java.util.Objects;

/** An object as an argument and as a result. */
public class Person implements Serializable {
  private static final long serialVersionUID = 1;

  public String name;
  public int age;
  public List<String> tags;

  public Person() {}

  Person(String name, int age, List<String> tags) {
    this.name = name;
    this.age = age;
    this.tags = tags;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Person that && Objects.equals(name, that.name) && age == that.age && Objects.equals(tags, that.tags);
  }

  @Override
  public int hashCode() {
    return Objects.hash(name, age, tags);
  }
}
