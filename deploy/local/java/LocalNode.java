import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/** One Elasticsearch node in the foreground until it is told to stop: LocalNode CONFIG_FOLDER MODULES_FOLDER. */
public final class LocalNode {
  private LocalNode() {}

  public static void main(String[] arguments) throws Exception {
    Path config = Path.of(arguments[0]);
    Path modules = Path.of(arguments[1]);
    // Before anything of Elasticsearch's asks for a logger: its factory is null until then.
    LogConfigurator.configureESLogging();
    Settings settings = Settings.builder().loadFromPath(config.resolve("elasticsearch.yml")).build();
    PluginsLoader plugins =
        PluginsLoader.createPluginsLoader(
            PluginsLoader.loadModulesBundles(modules), Set.of(), Map.of(), false);
    CountDownLatch closed = new CountDownLatch(1);
    try {
      Node node = new Node(new Environment(settings, config), plugins);
      Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node, closed), "close-node"));
      node.start();
    } catch (Exception refusal) {
      // Threads of a half-built node would keep the process alive with nothing to serve.
      refusal.printStackTrace();
      System.exit(1);
    }
    closed.await();
  }

  private static void close(Node node, CountDownLatch closed) {
    try {
      node.close();
    } catch (Exception failure) {
      failure.printStackTrace();
    } finally {
      closed.countDown();
    }
  }
}
